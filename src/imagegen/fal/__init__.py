"""The only room that talks to fal.ai."""

from imagegen.fal.client import Fal
from imagegen.fal.pricing import Pricing
from imagegen.fal.waiting import Patience, Progress

__all__ = ["Fal", "Patience", "Pricing", "Progress"]
