"""Measurements of the project on one machine; each result names that machine."""

import lmdm_train  # noqa: F401 (before torch: it says how torch's threads wait)
