"""The paper's published metrics (section A.1) on weights that lie on this machine: nothing here ever downloads."""
