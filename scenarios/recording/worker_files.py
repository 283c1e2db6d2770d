"""All files that one worker writes into the run directory while its load runs."""

from gauntlet.core.run_directory import Journal, RunDir
from gauntlet.scenarios.metrics.generator_health import GeneratorHealth
from gauntlet.scenarios.metrics.latency import Latencies
from gauntlet.scenarios.recording.directory_writer import DirectoryWriter
from gauntlet.scenarios.recording.history_writer import HistoryWriter
from gauntlet.scenarios.recording.live_writer import LiveWriter


class WorkerFiles:
    """Opens the writers of worker number `worker`; `close` flushes and closes all of them."""

    def __init__(self, run: RunDir, worker: int, health: GeneratorHealth) -> None:
        self._run = run
        self._worker = worker
        self.journal = Journal(run, f"load-{worker}")
        self.history = HistoryWriter(run.history, worker)
        self.directory = DirectoryWriter(run.links, worker)
        self.live = LiveWriter(run.live, worker, health)

    def flush(self) -> None:
        """Write the buffered records and directory rows."""
        self.history.flush()
        self.directory.flush()

    def write_latencies(self, latencies: Latencies) -> None:
        """Write the histograms of the whole run."""
        latencies.write(self._run.latency, self._worker)

    def close(self) -> None:
        """Flush and close every file."""
        for writer in (self.history, self.directory, self.live, self.journal):
            writer.close()
