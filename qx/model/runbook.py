"""What a runbook's file says: inputs and steps. The file's shape is this module's shape; a plan is made of it by
`qx.config.runbook_plan`.

`${...}` in a text is filled in when the plan is made, from the inputs and what `for_each` goes through; an expression
(`when`, `until`, `expect`) is judged when its step comes. Secrets are references (`env:NAME`, `file:PATH`...).
"""

from __future__ import annotations

from typing import Literal

from msgspec import field

from qx.kernel.spans import Bytes, Seconds
from qx.model.file import File

# -- inputs ------------------------------------------------------------------------------------------------------------


class _Input(File, frozen=True, kw_only=True, tag_field="type"):
    about: str = ""  # for who has to give it


class TextInput(_Input, frozen=True, kw_only=True, tag="string"):
    default: str | None = None  # without one it must be given
    choices: tuple[str, ...] = ()  # nothing else


class IntInput(_Input, frozen=True, kw_only=True, tag="int"):
    default: int | None = None  # without one it must be given
    choices: tuple[int, ...] = ()  # nothing else


class DurationInput(_Input, frozen=True, kw_only=True, tag="duration"):
    """In expressions it is a number of seconds."""

    default: Seconds | None = None  # without one it must be given


class SizeInput(_Input, frozen=True, kw_only=True, tag="size"):
    """In expressions it is a number of bytes."""

    default: Bytes | None = None  # without one it must be given


class BoolInput(_Input, frozen=True, kw_only=True, tag="bool"):
    default: bool | None = None  # without one it must be given


class RegionInput(_Input, frozen=True, kw_only=True, tag="region"):
    default: str | None = None  # without one it must be given
    choices: tuple[str, ...] = ()  # nothing else


class ClusterInput(_Input, frozen=True, kw_only=True, tag="cluster"):
    default: str | None = None  # without one it must be given
    choices: tuple[str, ...] = ()  # nothing else


class TextsInput(_Input, frozen=True, kw_only=True, tag="strings"):
    """Several, given as `a,b` or by repeating the input."""

    default: tuple[str, ...] | None = None  # without one it must be given


class RegionsInput(_Input, frozen=True, kw_only=True, tag="regions"):
    """Several, given as `a,b` or by repeating the input."""

    default: tuple[str, ...] | None = None  # without one it must be given


class ClustersInput(_Input, frozen=True, kw_only=True, tag="clusters"):
    """Several, given as `a,b` or by repeating the input."""

    default: tuple[str, ...] | None = None  # without one it must be given


Input = (
    TextInput | IntInput | DurationInput | SizeInput | BoolInput | RegionInput | ClusterInput | TextsInput
    | RegionsInput | ClustersInput
)  # fmt: skip

# -- steps -------------------------------------------------------------------------------------------------------------


class _Step(File, frozen=True, kw_only=True, tag_field="do"):
    id: str = ""  # its own in the runbook; an undo has none
    because: str = ""  # why it is done: told before, while and after
    when: str = ""  # an expression; the step is skipped when it is false, and fails when that cannot be told
    timeout: Seconds | None = None  # it takes no longer
    required: bool = True  # false: its failure ends nothing, the run is `degraded`
    undo: Undo | None = None  # what takes it back, when a later step fails


class _Move(_Step, frozen=True, kw_only=True):
    """Planned when its turn comes, and run as a run of its own."""

    clusters: tuple[str, ...] = ()  # empty: all that are concerned
    override: tuple[Literal["cooldown", "maintenance"], ...] = ()  # gates that are passed
    reason: str = ""  # wanted with every consent


class FailoverStep(_Move, frozen=True, kw_only=True, tag="failover"):
    """As `qx failover`."""

    to: str  # the region that shall write
    source: str = field(default="", name="from")  # only clusters that write there
    excepted: tuple[str, ...] = field(default=(), name="except")  # clusters that are left out
    accept_loss: str = ""  # a size, a duration or `unknown`
    attest_fenced: tuple[str, ...] = ()  # REGION or CLUSTER/REGION


class FailbackStep(_Move, frozen=True, kw_only=True, tag="failback"):
    """As `qx failback`."""


class RejoinStep(_Move, frozen=True, kw_only=True, tag="rejoin"):
    """As `qx rejoin`: everyone who does not follow the writer comes back."""

    regions: tuple[str, ...] = ()  # empty: all


class ContainStep(_Step, frozen=True, kw_only=True, tag="contain"):
    """As `qx status` does when it sees one: a stale writer is dropped from its route, stopped and held."""


class MaintenanceStep(_Step, frozen=True, kw_only=True, tag="maintenance"):
    """As `qx maintenance on` and `off`."""

    scope: str = "*"  # a cluster, a region, or everything
    lasting: str = field(default="", name="for")  # a duration: begins it; empty: ends it
    reason: str = ""  # told to whoever is refused meanwhile


class SqlStep(_Step, frozen=True, kw_only=True, tag="sql"):
    """One statement, in a read-only transaction unless it `writes`. Its result: `rows`, `count`, `more`, `affected`."""

    cluster: str  # a PostgreSQL cluster
    region: str = ""  # whose server; empty: that of the writer of the moment
    statement: str  # one, with $1, $2... for the parameters
    parameters: tuple[str, ...] = ()  # never part of the statement's text
    writes: bool = False  # only at the writer; then an answer that does not come leaves the step unknown
    rows: int = 20  # so many are kept
    expect: str = ""  # an expression over rows, count, more, affected
    settled: str = ""  # a query for one boolean: was it done? asked when its answer did not come


class RedisStep(_Step, frozen=True, kw_only=True, tag="redis"):
    """One command. Its answer is its result: `reply`."""

    cluster: str  # a Redis cluster
    region: str = ""  # whose server; empty: that of the master of the moment
    command: tuple[str, ...]  # the command and its arguments, word by word
    writes: bool = False  # only at the master; wanted by every command that is not known to be harmless
    expect: str = ""  # an expression over reply
    repeatable: bool = False  # done twice it is as done once: it may be sent again when its answer did not come


class HttpStep(_Step, frozen=True, kw_only=True, tag="http"):
    """One request. Its answer is its result: `status`, `body` (JSON is read)."""

    method: Literal["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"] = "GET"  # as in HTTP
    url: str  # http:// or https://, without a password
    headers: dict[str, str] = field(default_factory=dict)  # as they are
    secrets: dict[str, str] = field(default_factory=dict)  # header -> a reference to its value
    body: str = ""  # as it is
    status: tuple[int, ...] = (200,)  # the answers that are well
    expect: str = ""  # an expression over status, body
    repeatable: bool = False  # done twice it is as done once; GET and HEAD are


class CommandStep(_Step, frozen=True, kw_only=True, tag="command"):
    """One program of `runbooks.programs` in regions.yaml, without a shell. Its result: `exit`, `stdout`."""

    argv: tuple[str, ...]  # the program's name there, and its arguments
    secrets: dict[str, str] = field(default_factory=dict)  # variable of its environment -> a reference
    exit: tuple[int, ...] = (0,)  # the codes that are well
    expect: str = ""  # an expression over exit, stdout
    repeatable: bool = False  # done twice it is as done once: it may be run again when its end was not seen


class ApproveStep(_Step, frozen=True, kw_only=True, tag="approve"):
    """Waits until somebody else than the requester says `qx approve RUN`."""

    message: str = ""  # what is consented to


class WaitStep(_Step, frozen=True, kw_only=True, tag="wait_until"):
    """Looks again and again until a condition holds."""

    until: str  # an expression
    interval: Seconds = Seconds(1)  # between two looks


class NotifyStep(_Step, frozen=True, kw_only=True, tag="notify"):
    """Tells people, through the channels of regions.yaml. It stands in the journal in any case."""

    message: str  # one line
    severity: Literal["info", "warning", "critical"] = "info"  # how bad it is
    channels: tuple[str, ...] = ()  # names; empty: all


class EachStep(_Step, frozen=True, kw_only=True, tag="for_each"):
    """The steps below, once for every item: `id[item]`."""

    over: str  # an expression for a list: `regions`, `clusters`, `inputs.NAME`, `["a", "b"]`
    item: str = field(default="item", name="as")  # what the item is called in the steps
    steps: tuple[Inner, ...]  # without a for_each among them


Single = (
    FailoverStep | FailbackStep | RejoinStep | ContainStep | MaintenanceStep | SqlStep | RedisStep | HttpStep
    | CommandStep
)  # fmt: skip
Undo = Single | NotifyStep
Inner = Single | NotifyStep | ApproveStep | WaitStep
AnyStep = Single | NotifyStep | ApproveStep | WaitStep | EachStep


class Runbook(File, frozen=True, kw_only=True):
    runbook: str  # its name, and its file's without .yaml
    title: str  # one line
    description: str = ""  # when to use it, and what to know
    inputs: dict[str, Input] = field(default_factory=dict)  # name -> what is to be given
    steps: tuple[AnyStep, ...]  # one after the other
