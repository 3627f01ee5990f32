"""The training engine: steps, devices, precision, accumulation, clipping, averaging, run state and logs. Stages say what is learnt."""
