"""imagegen: a self-hosted async service in front of fal.ai's image models."""

from importlib.metadata import version
from typing import Final

DISTRIBUTION: Final = "imagegen-service"
"""The name of the distribution; `imagegen` on the package index is another project."""

__version__ = version(DISTRIBUTION)
