"""The closed sets of presales as GraphQL enums: described here, defined in core."""

from __future__ import annotations

from core.presale.values import (
    CampaignStatus,
    Figure,
    GuardAct,
    HealthLevel,
    PausedBy,
    PresaleMode,
    ScoreDimension,
)
from schema.enums import describe_enum

describe_enum(
    PresaleMode,
    "How a presale is paid and shipped.",
    {
        PresaleMode.FULL_PAYMENT: "Paid whole when it is ordered.",
        PresaleMode.DEPOSIT: "A deposit first, the balance before it ships.",
        PresaleMode.TIERED: "Paid whole; shipped in waves, each with a day of its own.",
    },
)
describe_enum(
    CampaignStatus,
    "Whether a presale sells. One whose period is over, or has not begun, sells nothing either.",
    {
        CampaignStatus.DRAFT: "It waits to be published.",
        CampaignStatus.PUBLISHED: "It sells in its period.",
        CampaignStatus.PAUSED: "It sells nothing until somebody resumes it.",
        CampaignStatus.CLOSED: "It never sells again.",
    },
    name="PresaleStatus",
)
describe_enum(
    PausedBy,
    "Who paused a presale.",
    {PausedBy.PERSON: "Somebody did.", PausedBy.GUARD: "A rule of the guard did."},
    name="PresalePausedBy",
)
describe_enum(
    HealthLevel,
    "How a store's presales stand.",
    {
        HealthLevel.HEALTHY: "Well.",
        HealthLevel.WATCH: "Something wants watching, before it costs the store its score.",
        HealthLevel.DANGER: "Something must be done now.",
    },
)
describe_enum(
    Figure,
    "What is measured.",
    {
        Figure.SHARE: "Presale lines among the lines paid for.",
        Figure.ON_TIME: "Lines shipped by the promise, among those due.",
        Figure.LATE: "Lines shipped after the promise, or overdue, among those due.",
        Figure.FULFILMENT: "Lines shipped, on time or not, among those due.",
        Figure.BAD_REVIEWS: "Bad reviews among all reviews.",
        Figure.REFUND_RATE: "Presale lines refunded among those paid for.",
    },
    name="HealthFigure",
)
describe_enum(
    GuardAct,
    "What the guard does.",
    {
        GuardAct.PAUSE: "Pauses the store's presales. Only a person resumes them.",
        GuardAct.CAP: "Lets no new presale stock in.",
    },
)
describe_enum(
    ScoreDimension,
    "What of a store a platform marks.",
    {
        ScoreDimension.DESCRIPTION: "Whether goods are as they are described.",
        ScoreDimension.SERVICE: "How buyers are served.",
        ScoreDimension.LOGISTICS: "How fast goods are shipped and arrive.",
    },
)
