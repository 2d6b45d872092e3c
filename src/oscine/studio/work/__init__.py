"""What the worker does, by the kind of the job."""

from collections.abc import Callable

from oscine.studio.work.giving import export_instrument, make_live, make_sound, upload_to_hub
from oscine.studio.work.job import Job
from oscine.studio.work.learning import learn
from oscine.studio.work.performing import analyse_performance
from oscine.studio.work.rendering import render
from oscine.studio.work.takes import check_take

JOBS: dict[str, Callable[[Job], None]] = {
    "take": check_take,
    "run": learn,
    "performance": analyse_performance,
    "render": render,
    "sound": make_sound,
    "live": make_live,
    "export": export_instrument,
    "hub": upload_to_hub,
}
