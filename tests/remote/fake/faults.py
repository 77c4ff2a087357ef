"""What can go wrong, in one line: `submit#1 hang after`, `result#2-4 http 503 retry-after=5`, `media#1 drop 2000`."""

import re
from dataclasses import dataclass

FOREVER = 10**9

_LINE = re.compile(
    r"(?P<route>\w+)(#(?P<call>\d+)(-(?P<last>\d+)|(?P<on>\+))?)? (?P<kind>\w+)( (?!after\b|retry-after=)(?P<value>\S+))?"
    r"(?P<after> after)?( retry-after=(?P<retry>.+))?"
)


@dataclass(frozen=True)
class Fault:
    """One fault: on which calls of which route (contract.json names them), of what kind.

    `call` counts from 1; `last` is the last call it strikes (FOREVER: all that follow). `after`: the host does
    what was asked and only then fails. `retry_after` is the header of a refusal: seconds, or `date` for an HTTP
    date five seconds ahead, or any nonsense.
    """

    route: str
    kind: str
    value: str = ""
    call: int = 1
    last: int = 0
    after: bool = False
    retry_after: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "last", self.last or self.call)

    @classmethod
    def parse(cls, line: str) -> "Fault":
        match = _LINE.fullmatch(line.strip())
        if not match:
            raise ValueError(
                f"{line!r} is no fault; one reads ROUTE#CALL KIND [VALUE] [after] [retry-after=X]."
            )
        call = int(match["call"] or 1)
        last = FOREVER if match["on"] else int(match["last"] or call)
        return cls(
            match["route"],
            match["kind"],
            match["value"] or "",
            call,
            last,
            bool(match["after"]),
            match["retry"] or "",
        )

    def __str__(self) -> str:
        many = "" if self.last == self.call else "+" if self.last == FOREVER else f"-{self.last}"
        words = [f"{self.route}#{self.call}{many}", self.kind, self.value, "after" if self.after else ""]
        words.append(f"retry-after={self.retry_after}" if self.retry_after else "")
        return " ".join(word for word in words if word)

    def strikes(self, route: str, call: int) -> bool:
        return self.route == route and self.call <= call <= self.last

    def later(self, calls: int) -> "Fault":
        """The same fault, that many calls later."""
        last = self.last if self.last == FOREVER else self.last + calls
        return Fault(self.route, self.kind, self.value, self.call + calls, last, self.after, self.retry_after)
