"""Flow matching (paper Eq. 1): base, fine-tune and warm start, one loss under three patterns."""
