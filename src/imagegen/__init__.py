"""imagegen: a self-hosted async service in front of fal.ai's image models."""

from importlib.metadata import version

__version__ = version("imagegen")
