"""Plugins: what is found, what is refused and with which words, what is fenced off."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, ClassVar

import pytest

from core.channels.contract import (
    Capability,
    Channel,
    CouponBehaviour,
    Coupons,
    Idempotency,
    Recognition,
    RequestRate,
    Reversibility,
    Scanned,
    StatusBy,
    Webhooks,
)
from core.channels.hookspec import hookimpl
from core.channels.registry import (
    ChannelRegistry,
    RegistryError,
    UnknownChannel,
    build_registry,
    load_simulator,
)
from core.testing.clock import ManualClock

NO_REVERSAL = Reversibility(possible=False)


def make_behaviour(**changes: Any) -> CouponBehaviour:
    values: dict[str, Any] = {
        "idempotency": Idempotency.TOKEN,
        "status_by": StatusBy.TOKEN,
        "reversal": NO_REVERSAL,
        **changes,
    }
    return CouponBehaviour(**values)


class AcmeCoupons(Coupons):
    behaviour: ClassVar[Any] = make_behaviour()

    async def look_up(self, session: Any, scanned: Any) -> Any: ...
    async def redeem(self, session: Any, order: Any) -> Any: ...
    async def status(self, session: Any, query: Any) -> Any: ...
    async def reverse(self, session: Any, order: Any) -> Any: ...


class AcmeWebhooks(Webhooks):
    def verify(self, delivery: Any, credentials: Any, now: Any) -> None: ...
    def parse(self, delivery: Any, credentials: Any) -> Any: ...
    def acknowledge(self, delivery: Any) -> Any: ...


class AcmeChannel(Channel):
    code = "acme"
    name = "Acme"
    capabilities = frozenset({Capability.COUPONS})
    coupons = AcmeCoupons()

    def recognise(self, scanned: Scanned) -> Recognition:
        return Recognition.NO


def make_channel(**changes: Any) -> Channel:
    """An Acme channel with some attributes changed."""
    kind: type[Channel] = type("ChangedChannel", (AcmeChannel,), changes)
    return kind()


class Plugin:
    """Registers what it was made with."""

    def __init__(self, *channels: object) -> None:
        self.channels = channels

    @hookimpl
    def register_channels(self, register: Callable[[object], None]) -> None:
        for channel in self.channels:
            register(channel)


def build(*plugins: object) -> ChannelRegistry:
    return build_registry(load_entry_points=False, plugins=plugins, clock=ManualClock())


def test_channels_are_found() -> None:
    channel, other = make_channel(), make_channel(code="bolt", capabilities=frozenset(), coupons=None)
    registry = build(Plugin(other, channel))
    assert registry.get("acme") is channel
    assert registry.all() == (channel, other)
    assert registry.with_capability(Capability.COUPONS) == (channel,)
    assert registry.with_capability(Capability.WEBHOOKS) == ()


def test_unknown_channel_is_named() -> None:
    with pytest.raises(UnknownChannel, match=r"'bolt'.*acme") as failure:
        build(Plugin(make_channel())).get("bolt")
    assert (failure.value.code, failure.value.known) == ("bolt", ("acme",))


def test_without_plugins_nothing_is_there() -> None:
    registry = build()
    assert (registry.all(), registry.plugins(), registry.faults) == ((), (), ())


def test_registries_share_nothing() -> None:
    assert build(Plugin(make_channel())).all()
    assert build().all() == ()


@pytest.mark.parametrize(
    ("channel", "sentence"),
    [
        ("acme", "registers a str, which is no"),
        (AcmeChannel, r"registers the class AcmeChannel; register an instance: register\(AcmeChannel\(\)\)"),
        (make_channel(code="Acme"), "has the code 'Acme'; use a lower-case letter"),
        (make_channel(code="1acme"), "has the code '1acme'"),
        (make_channel(code="ac-me"), "has the code 'ac-me'"),
        (make_channel(code=""), "has the code ''"),
        (make_channel(code="a" * 33), "up to 31"),
        (make_channel(code="acme\n"), "has the code"),
        (make_channel(code=None), "has the code None"),
        (make_channel(name=" "), "no name for people"),
        (make_channel(capabilities=["COUPONS"]), "`capabilities` must be a frozenset"),
        (make_channel(capabilities=frozenset({"COUPONS"})), "`capabilities` must be a frozenset"),
        (make_channel(coupons=None), "declares COUPONS but has no `coupons`"),
        (make_channel(coupons=object()), r"its `coupons` is no instance of .*Coupons"),
        (make_channel(webhooks=AcmeWebhooks()), "has `webhooks` but does not declare WEBHOOKS"),
        (make_channel(capabilities=frozenset()), "has `coupons` but does not declare COUPONS"),
        (
            make_channel(capabilities=frozenset({Capability.COUPONS, Capability.SCORES})),
            "declares SCORES, for which this version of Hexiao has no port",
        ),
        (make_channel(credentials_model=dict), "`credentials_model` is no subclass"),
        (make_channel(settings_model=None), "`settings_model` is no subclass"),
        (make_channel(simulator="adapters.acme"), "no import string"),
        (make_channel(link_hosts=("*",)), r"link host '\*' is neither"),
        (make_channel(link_hosts=("https://acme.com",)), "link host"),
        (make_channel(request_rate=RequestRate(per_second=0)), "request rate lets no call through"),
        (make_channel(request_rate=RequestRate(burst=0)), "request rate lets no call through"),
    ],
)
def test_unusable_channel_is_refused(channel: object, sentence: str) -> None:
    with pytest.raises(RegistryError, match=sentence):
        build(Plugin(channel))


def test_channel_without_identity_is_refused() -> None:
    class Nameless(Channel):
        def recognise(self, scanned: Scanned) -> Recognition:
            return Recognition.NO

    with pytest.raises(RegistryError, match="Nameless of plugin 'Plugin' has no 'code'"):
        build(Plugin(Nameless()))


@pytest.mark.parametrize(
    ("behaviour", "sentence"),
    [
        (None, "no `behaviour`"),
        ("TOKEN", "no `behaviour`"),
        (
            make_behaviour(reversal=Reversibility(False, timedelta(hours=1))),
            "window where reversal is not possible",
        ),
        (make_behaviour(reversal=Reversibility(True, timedelta(0))), "over before it begins"),
        (make_behaviour(in_flight=timedelta(seconds=-1)), "`in_flight` is negative"),
        (make_behaviour(token_lifetime=timedelta(0)), "recognised for no time"),
        (make_behaviour(list_delay=timedelta(seconds=-1)), "`list_delay` is negative"),
        (make_behaviour(lists_uses=True), "declare `lists_uses` but have no `list_uses`"),
    ],
)
def test_impossible_behaviour_is_refused(behaviour: object, sentence: str) -> None:
    coupons: Any = type("ChangedCoupons", (AcmeCoupons,), {"behaviour": behaviour})()
    with pytest.raises(RegistryError, match=sentence):
        build(Plugin(make_channel(coupons=coupons)))


def test_list_that_is_not_declared_is_refused() -> None:
    async def list_uses(self: Any, session: Any, query: Any) -> Any: ...

    coupons: Any = type("ListingCoupons", (AcmeCoupons,), {"list_uses": list_uses})()
    with pytest.raises(RegistryError, match="have `list_uses` but do not declare it"):
        build(Plugin(make_channel(coupons=coupons)))


@pytest.mark.parametrize(
    ("idempotency", "status_by", "needs_person"),
    [
        (Idempotency.NONE, StatusBy.NONE, True),
        (Idempotency.NONE, StatusBy.CODE_ONLY, False),
        (Idempotency.TOKEN, StatusBy.NONE, False),
    ],
)
def test_need_of_a_person_shows(idempotency: Idempotency, status_by: StatusBy, needs_person: bool) -> None:
    behaviour = make_behaviour(idempotency=idempotency, status_by=status_by)
    coupons: Any = type("ChangedCoupons", (AcmeCoupons,), {"behaviour": behaviour})()
    (row,) = build(Plugin(make_channel(coupons=coupons))).plugins()
    assert row.needs_person is needs_person


def test_duplicate_code_is_refused() -> None:
    class Second(Plugin):
        pass

    with pytest.raises(
        RegistryError, match=r"registers channel 'acme', which '(Plugin|Second)' has registered"
    ):
        build(Plugin(make_channel()), Second(make_channel()))


def test_same_plugin_twice_is_refused() -> None:
    plugin = Plugin()
    with pytest.raises(RegistryError, match="'Plugin' is loaded twice"):
        build(plugin, plugin)


def test_misspelt_hook_is_refused() -> None:
    class Misspelt(Plugin):
        @hookimpl
        def coupon_redemed(self, event: object) -> None: ...

    with pytest.raises(RegistryError, match="'Misspelt' has a hook 'coupon_redemed', which does not exist"):
        build(Misspelt())


def test_wrong_hook_argument_is_refused() -> None:
    class Wrong:
        @hookimpl
        def register_channels(self, registry: object) -> None: ...

    with pytest.raises(RegistryError, match="'Wrong' has a hook with arguments that there are not"):
        build(Wrong())


def test_plugin_without_hooks_is_refused() -> None:
    class Idle: ...

    with pytest.raises(RegistryError, match="'Idle' has no hook; mark one with @hookimpl"):
        build(Idle())


def test_async_hook_is_refused() -> None:
    class Async:
        @hookimpl
        async def coupon_redeemed(self, event: object) -> None: ...

    with pytest.raises(RegistryError, match="'coupon_redeemed' of plugin 'Async' is async"):
        build(Async())


def test_wrapper_hook_is_refused() -> None:
    class Wrapper:
        @hookimpl(wrapper=True)
        def coupon_redeemed(self, event: object) -> Iterator[None]:
            return (yield)

    with pytest.raises(RegistryError, match="'Wrapper' is a wrapper"):
        build(Wrapper())


def test_raising_registration_is_refused() -> None:
    class Broken:
        @hookimpl
        def register_channels(self, register: object) -> None:
            raise OSError("no file token=hush-hush")

    with pytest.raises(
        RegistryError, match="'Broken' raised in register_channels: OSError: no file"
    ) as failure:
        build(Broken())
    assert "hush" not in str(failure.value)


class Listener:
    """Keeps what it is told, or raises."""

    def __init__(self, failure: Exception | None = None) -> None:
        self.failure = failure
        self.events: list[object] = []

    @hookimpl
    def coupon_redeemed(self, event: object) -> None:
        if self.failure:
            raise self.failure
        self.events.append(event)


def test_observers_are_told() -> None:
    listener = Listener()
    registry = build(listener)
    registry.notify("coupon_redeemed", "event")
    registry.notify("coupon_reversed", "other")
    assert (listener.events, registry.faults) == (["event"], ())


def test_raising_observer_is_fenced_off() -> None:
    class Broken(Listener): ...

    class Later(Listener): ...

    listeners = [Listener(), Broken(ValueError("of 13800138000")), Later()]
    registry = build(*listeners)
    registry.notify("coupon_redeemed", 1)
    registry.notify("coupon_redeemed", 2)
    assert [listener.events for listener in listeners] == [[1, 2], [], [1, 2]]
    (fault,) = registry.faults
    assert (fault.plugin, fault.hook, fault.count) == ("Broken", "coupon_redeemed", 2)
    assert fault.message == "ValueError: of [masked]"
    assert fault.last_at == ManualClock().now()


def test_unknown_event_is_our_mistake() -> None:
    with pytest.raises(AttributeError):
        build().notify("coupon_redemed", 1)


def test_simulator_is_loaded() -> None:
    assert load_simulator(make_channel(simulator="pathlib:Path")) is Path


@pytest.mark.parametrize(
    ("simulator", "sentence"),
    [
        (None, "'acme' has no simulator"),
        ("nowhere.to_be:found", "'nowhere.to_be:found', cannot be loaded: ModuleNotFoundError"),
        ("pathlib:Nothing", "cannot be loaded: AttributeError"),
        ("sys:path", "is not callable"),
    ],
)
def test_bad_simulator_is_told(simulator: str | None, sentence: str) -> None:
    with pytest.raises(RegistryError, match=sentence):
        load_simulator(make_channel(simulator=simulator))


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    """Installs a package that names a channel plugin, for the length of a test."""
    monkeypatch.syspath_prepend(str(tmp_path))
    before = set(sys.modules)

    def put(package: str, name: str, source: str, module: str | None = None) -> None:
        module = module or package.replace("-", "_")
        (tmp_path / f"{module}.py").write_text(source)
        info = tmp_path / f"{package.replace('-', '_')}-1.2.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.2\n")
        (info / "entry_points.txt").write_text(f"[hexiao.channels]\n{name} = {module}\n")

    yield put
    for name in set(sys.modules) - before:
        del sys.modules[name]


GOOD = """
from core.channels.contract import Channel, Recognition
from core.channels.hookspec import hookimpl

class BoltChannel(Channel):
    code, name, capabilities, simulator = "bolt", "Bolt", frozenset(), "hexiao_bolt:app"

    def recognise(self, scanned):
        return Recognition.NO

@hookimpl
def register_channels(register):
    register(BoltChannel())
"""


def test_installed_plugin_is_loaded(install: Callable[..., None]) -> None:
    install("hexiao-bolt", "bolt", GOOD)
    (row,) = build_registry(only=["bolt"]).plugins()
    assert (row.code, row.name, row.plugin) == ("bolt", "Bolt", "bolt")
    assert (row.distribution, row.version) == ("hexiao-bolt", "1.2")
    assert (row.capabilities, row.simulator, row.needs_person) == ((), "hexiao_bolt:app", False)


def test_other_entry_points_are_not_imported(install: Callable[..., None]) -> None:
    install("hexiao-bolt", "bolt", GOOD)
    install("hexiao-bad", "bad", "raise RuntimeError('imported')")
    assert [channel.code for channel in build_registry(only=["bolt"]).all()] == ["bolt"]
    assert build_registry(load_entry_points=False).all() == ()


def test_failing_import_is_told(install: Callable[..., None]) -> None:
    install("hexiao-bad", "bad", "import nowhere_to_be_found")
    sentence = "'bad' of hexiao-bad 1.2 cannot be imported from 'hexiao_bad': ModuleNotFoundError: No module"
    with pytest.raises(RegistryError, match=sentence):
        build_registry(only=["bad"])


def test_name_taken_twice_is_refused(install: Callable[..., None]) -> None:
    install("hexiao-bolt", "bolt", GOOD)
    install("other-bolt", "bolt", GOOD)
    with pytest.raises(
        RegistryError, match=r"bolt 1.2 and .*bolt 1.2 both name a channel plugin 'bolt'; uninst"
    ):
        build_registry(only=["bolt"])


def test_missing_name_is_told(install: Callable[..., None]) -> None:
    install("hexiao-bolt", "bolt", GOOD)
    with pytest.raises(
        RegistryError, match=r"no installed package names a channel plugin nut; there are: .*bolt"
    ):
        build_registry(only=["bolt", "nut"])
