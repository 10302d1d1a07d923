"""`python -m unmix` is `unmix`."""

import sys

from unmix.cli.main import main

sys.exit(main())
