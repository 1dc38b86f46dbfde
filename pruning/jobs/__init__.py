"""Long work behind one queue: jobs in sqlite, one at a time, each in its own process."""

from pruning.jobs.queue import JobQueue
from pruning.jobs.records import ACTIVE, Job, Status
from pruning.jobs.supervisor import Supervisor, start_supervisor

__all__ = ["ACTIVE", "Job", "JobQueue", "Status", "Supervisor", "start_supervisor"]
