"""Starts NVFLARE in its POC mode and submits its stock FedAvg, for `nvflare_rounds.py`, which ends what this leaves running.

nvflare_job.py FOLDER SERVER_PORT ADMIN_PORT MEMBERS BYTES ROUNDS
"""

import sys
from pathlib import Path

import numpy as np
import yaml
from nvflare.app_common.np.recipes.fedavg import NumpyFedAvgRecipe
from nvflare.lighter.provision import gen_default_project_config
from nvflare.recipe import PocEnv

MEMBER = Path(__file__).with_name("nvflare_member.py")


def main() -> None:
    folder = Path(sys.argv[1])
    server_port, admin_port, members, size_bytes, rounds = map(int, sys.argv[2:])
    initial = folder / "initial.npy"
    np.save(initial, np.random.default_rng().random(size_bytes // 4, dtype=np.float32))
    recipe = NumpyFedAvgRecipe(
        name="exchange",
        initial_ckpt=str(initial),
        min_clients=members,
        num_rounds=rounds,
        train_script=str(MEMBER),
        train_args=str(size_bytes),
    )
    project = write_project(folder / "project.yml", server_port, admin_port, members)
    environment = PocEnv(num_clients=members, project_conf_path=str(project), extra={"login_timeout": 60})
    recipe.execute(environment)


def write_project(path: Path, server_port: int, admin_port: int, members: int) -> Path:
    """NVFLARE's own default project, with these members and on ports that are free."""
    gen_default_project_config("dummy_project.yml", str(path))
    project = yaml.safe_load(path.read_text())
    ports = {"fed_learn_port": server_port, "admin_port": admin_port}
    project["participants"] = [
        {"name": "server", "type": "server", "org": "nvidia", **ports},
        *({"name": f"site-{number + 1}", "type": "client", "org": "nvidia"} for number in range(members)),
        *(one for one in project["participants"] if one["type"] == "admin"),
    ]
    path.write_text(yaml.safe_dump(project))
    return path


if __name__ == "__main__":
    main()
