"""First set-up of the stack of containers: topics, users, roles and tables, then the district.

`python -m deploy.compose.init` with the environment of `deploy.init`. Run at every start: what is there stays.
"""

import asyncio
import sys

from deploy import init
from deploy.errors import DeployError
from deploy.setup import set_up
from deploy.topology import DATABASE


def main() -> int:
    """0, or 1 and a sentence."""
    code = init.main()
    if code:
        return code
    settings = init.Settings()
    server = init.Server(settings.postgres_host, settings.postgres_port)

    def dsn(role: str) -> str:
        return server.dsn(role, DATABASE, (settings.secrets_dir / f"postgres-{role}").read_text().strip())

    try:
        said = asyncio.run(set_up(dsn, settings.secrets_dir))
    except DeployError as error:
        print(f"init: {error}", file=sys.stderr)
        return 1
    print(f"init: {', '.join(said) or 'the district stands already'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
