"""Noise schedules, solvers and guidance: how a velocity network becomes a clean block."""

from lmdm_train.sampling.guidance import Guidance, Guided, cfg
from lmdm_train.sampling.schedule import linear_schedule, logsnr_schedule, shift_for_length, shift_levels
from lmdm_train.sampling.solvers import SOLVERS, euler_step, ping_pong_step, require_guidance, solve

__all__ = [
    "SOLVERS",
    "Guidance",
    "Guided",
    "cfg",
    "euler_step",
    "linear_schedule",
    "logsnr_schedule",
    "ping_pong_step",
    "require_guidance",
    "shift_for_length",
    "shift_levels",
    "solve",
]
