"""Export room: turns a checkpoint into a bundle and proves that the bundle equals it."""

import lmdm_train  # noqa: F401 (before torch: it says how torch's threads wait)
