"""Start the panel: `python -m plugin [CLIP]`."""

import sys

from plugin.app import main

sys.exit(main())
