"""Export room: turns a checkpoint into a bundle and proves that the bundle equals it."""

import os

# Before torch loads, for the reason in lmdm_train; not by importing it, since a bundle is validated by its fixtures without that room.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
