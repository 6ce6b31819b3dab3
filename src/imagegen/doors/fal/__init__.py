"""/fal: the service as fal's own clients know fal. docs/guides/fal-clients.md says how they are pointed here."""

from imagegen.doors.fal.door import FalDoor

__all__ = ["FalDoor"]
