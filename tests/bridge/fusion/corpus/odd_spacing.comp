  --[==[ a long
  comment ]] still ]==]
Composition{Tools={--x
Weird_1=EllipseMask{Inputs={Width=Input{Value=.5e0},Height=Input{Value=0x0},Height=Input{Value=2.5E-1;};
["Center"]=Input{Value={
0.5
,
0.5;
}},Comments=Input{Value=[[line one
line "two"]]}},ViewInfo=OperatorInfo{Pos={-0,-1.5e+2}}},},RenderRange={0,0}}
