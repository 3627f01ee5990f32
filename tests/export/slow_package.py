"""A package that takes for ever to import, for the worker."""

import time

time.sleep(600)
