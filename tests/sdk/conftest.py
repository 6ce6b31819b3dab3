import pytest

from tests.support.workspace import Workspace, make_workspace


@pytest.fixture(scope="session")
async def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """The clients of the built-in catalog."""
    return await make_workspace(tmp_path_factory.mktemp("sdk"))
