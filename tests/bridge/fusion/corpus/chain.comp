-- Written by hand: three primitives chained by paint modes, masking a colour corrector.
Composition {
	CurrentTime = 0,
	RenderRange = { 0, 23 },
	GlobalRange = { 0, 23 },
	Version = "Fusion 20.3",
	Tools = {
		MediaIn1 = MediaIn {
			ExtentSet = true,
			CustomData = { MediaProps = { MEDIA_NAME = "shot [01].mov", MEDIA_PATH = "C:\\clips\\\"quoted\"\\" } },
			Inputs = {
				GlobalOut = Input { Value = 23, },
				MediaID = Input { Value = "6d1c" },
			},
			ViewInfo = OperatorInfo { Pos = { 0, 0 } },
		},
		Rectangle1 = RectangleMask {
			Inputs = {
				Center = Input { Value = { 0.35, 0.5 }, },
				Width = Input { Value = 0.3, },
				Height = Input { Value = 0.5, },
				CornerRadius = Input { Value = 0.4, },
				Angle = Input { Value = 15, },
			},
		},
		Ellipse1 = EllipseMask {
			Inputs = {
				EffectMask = Input { SourceOp = "PipeRouter1", Source = "Output", },
				PaintMode = Input { Value = FuID { "Maximum" }, },
				SoftEdge = Input { Value = 0.02, },
				Center = Input { Value = { 0.55, 0.5 }, },
				Width = Input { Value = 0.35, },
				Height = Input { Value = 0.2, },
			},
		},
		PipeRouter1 = PipeRouter {
			Inputs = { Input = Input { SourceOp = "Rectangle1", Source = "Mask", }, },
			ViewInfo = PipeRouterInfo { Pos = { 1, 2 } },
		},
		Triangle1 = TriangleMask {
			Inputs = {
				EffectMask = Input { SourceOp = "Ellipse1", Source = "Mask", },
				PaintMode = Input { Value = FuID { "Subtract" }, },
				Point1 = Input { Value = { 0.45, 0.45 }, },
				Point2 = Input { Value = { 0.55, 0.45 }, },
				Point3 = Input { Value = { 0.5, 0.62 }, },
			},
		},
		ColorCorrector1 = ColorCorrector {
			Inputs = {
				EffectMask = Input { SourceOp = "Triangle1", Source = "Mask", },
				Input = Input { SourceOp = "MediaIn1", Source = "Output", },
				ApplyMaskInverted = Input { Value = 1, },
			},
		},
		MediaOut1 = MediaOut {
			Inputs = {
				Index = Input { Value = "0", },
				Input = Input { SourceOp = "ColorCorrector1", Source = "Output", },
			},
		}
	},
	Prefs = { Comp = { FrameFormat = { Rate = 24, Width = 1920, Height = 1080 } } },
}
