"""Nothing that is sealed is forgotten when the secret key changes."""

from __future__ import annotations

from tortoise.fields import BinaryField
from tortoise.models import Model

import core.access.models
import core.channels.models
import core.coupons.models
import core.events.models
import core.notifications.models
import core.orders.models
import core.orders.placing_models
import core.reservations.models
from core.rotation import SEALED_COLUMNS

_PARTS = (
    core.access.models,
    core.channels.models,
    core.coupons.models,
    core.events.models,
    core.notifications.models,
    core.orders.models,
    core.orders.placing_models,
    core.reservations.models,
)


def test_every_sealed_column_is_rotated():
    models = {
        each
        for part in _PARTS
        for each in vars(part).values()
        if isinstance(each, type) and issubclass(each, Model) and each.__module__ == part.__name__
    }
    sealed = {
        (model.Meta.table, name)
        for model in models
        for name, field in vars(model)["_meta"].fields_map.items()
        if isinstance(field, BinaryField)
    }
    assert sealed == {(column.table, column.column) for column in SEALED_COLUMNS}
