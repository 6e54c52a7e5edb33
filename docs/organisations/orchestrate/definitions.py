"""For each schedule of meltano.yml, a job and a schedule of Dagster."""
# ruff: noqa: I002 - Dagster needs annotations that are not text

from pathlib import Path

import dagster as dg
import yaml

PROJECT = Path(__file__).parents[1]


def scheduled(job: str, cron: str) -> dg.ScheduleDefinition:
    """Schedule `meltano run` of a job. No retries: the tap knows what is worth one.

    Args:
        job: The name of the Meltano job, and of the organisation.
        cron: When it runs.
    """

    @dg.op(name=f"meltano_run_{job}")
    def meltano_run(context: dg.OpExecutionContext) -> None:
        command = ["meltano", "run", job]
        dg.PipesSubprocessClient(cwd=str(PROJECT)).run(context=context, command=command)

    # dagster.yaml allows one run at a time with the same tag.
    @dg.job(
        name=job,
        tags={"organisation": job},
        executor_def=dg.in_process_executor,
    )
    def run() -> None:
        meltano_run()

    return dg.ScheduleDefinition(
        job=run,
        cron_schedule=cron,
        default_status=dg.DefaultScheduleStatus.RUNNING,
    )


meltano = yaml.safe_load((PROJECT / "meltano.yml").read_text(encoding="utf-8"))
defs = dg.Definitions(
    schedules=[scheduled(s["job"], s["interval"]) for s in meltano["schedules"]]
)
