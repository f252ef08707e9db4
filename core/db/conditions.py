"""The WHERE of a query, put together condition by condition."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID


class Where:
    """Conditions with their numbered placeholders. The tenant leads, always."""

    def __init__(self, tenant_id: UUID) -> None:
        self.values: list[Any] = [tenant_id]
        self.conditions = ["tenant_id=$1"]

    def add(self, condition: str, value: Any) -> None:
        """Adds `condition`, in which `?` stands for the value's placeholder."""
        self.values.append(value)
        self.conditions.append(condition.replace("?", f"${len(self.values)}"))

    def add_any(self, column: str, values: Sequence[Any]) -> None:
        """`column` is one of `values`; of none where there are none."""
        first = len(self.values) + 1
        self.values.extend(values)
        places = ",".join(f"${number}" for number in range(first, len(self.values) + 1))
        self.conditions.append(f"{column} IN ({places})" if values else "1=0")

    def __str__(self) -> str:
        return " AND ".join(self.conditions)
