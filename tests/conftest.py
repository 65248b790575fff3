"""What every test stands on."""

import os

# The tables of the command line as a wide terminal shows them, whatever the tests run in. It is
# read when the commands are imported.
os.environ["COLUMNS"] = "200"
