"""A rule in Python: tells a channel about new merge requests that are no drafts."""

import json
import re
from typing import Any

from componentize_py_types import Err
from wit_world import exports
from wit_world.imports import settings
from wit_world.imports.action import Action_Notify, Decision, Notification
from wit_world.imports.event import Change, Event, Subject_MergeRequest
from wit_world.imports.failure import Failure_Settings
from wit_world.imports.manifest import Manifest, Setting, SettingKind

SETTINGS = [
    Setting("channel", "Where they are told.", SettingKind.CHANNEL, True, None),
    Setting("ignore", "Titles to leave alone, as a regular expression.", SettingKind.TEXT, False, None),
]


class Evaluator(exports.Evaluator):
    """What the server calls: the interface `evaluator` of `wit/world.wit`."""

    def describe(self) -> Manifest:
        """Says who this rule is, and what it asks for."""
        return Manifest(
            name="announce",
            version="0.1.0",
            summary="Tells a channel about new merge requests.",
            authors=[],
            license=None,
            homepage=None,
            subjects=["merge-request"],
            channels=[],
            commands=[],
            settings=SETTINGS,
        )

    def configure(self) -> None:
        """Checks the settings. What is raised is the `failure` of `wit/action.wit`, and refuses them."""
        try:
            re.compile(own_settings().get("ignore", ""))
        except re.error as error:
            raise Err(Failure_Settings(f"`ignore` is no regular expression: {error}")) from error

    def evaluate(self, event: Event) -> Decision:
        """Decides what to do about one event."""
        if not isinstance(event.subject, Subject_MergeRequest):
            return nothing("it is no merge request")
        request = event.subject.value
        if request.change != Change.OPENED:
            return nothing("it was there before")
        if request.draft:
            return nothing("it is a draft")
        own = own_settings()
        if "ignore" in own and re.search(own["ignore"], request.title):
            return nothing("its title is to be ignored")

        notification = Notification(
            channel=own["channel"],
            title=f"!{request.number} {request.title}",
            text=f"by {event.actor.name if event.actor else 'nobody known'}",
            severity=None,
            color=None,
            url=event.url,
            fields=[],
            footer=None,
            mentions=[],
            once=None,
        )
        return Decision(actions=[Action_Notify(notification)], reason=None)


def own_settings() -> dict[str, Any]:
    """What the operator wrote under `[settings]`."""
    own: dict[str, Any] = json.loads(settings.all())
    return own


def nothing(reason: str) -> Decision:
    """Nothing to do, and why, for whoever asks later."""
    return Decision(actions=[], reason=reason)
