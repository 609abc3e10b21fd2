"""The client's settings: requested where the client supports that, else taken from its notifications."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from lsprotocol import types
from pygls.lsp.server import LanguageServer

from esmcache.settings import UnfitSetting
from esmcache_lsp import markdown
from esmcache_lsp.protocol import answered
from esmcache_lsp.session import Session
from esmcache_lsp.settings import SECTION, configured_settings

logger = logging.getLogger(__name__)

# The log levels of our logger and of pygls.
_LEVELS = {
    "off": (logging.INFO, logging.WARNING),
    "messages": (logging.DEBUG, logging.INFO),
    "verbose": (logging.DEBUG, logging.DEBUG),
}


def register(server: LanguageServer, session: Session) -> None:
    """Register for changes of the settings."""

    def apply_trace() -> None:
        for name, level in zip(("esmcache_lsp", "pygls"), _LEVELS[session.settings.trace], strict=True):
            logging.getLogger(name).setLevel(level)

    session.when_settings_changed.append(apply_trace)
    initial = session.initial_settings
    complaints = _Complaints(server)
    workspace = server.client_capabilities.workspace
    can_be_asked = bool(workspace and workspace.configuration)
    registration = workspace.did_change_configuration if workspace else None

    def configure(configuration: object) -> None:
        found = configured_settings(configuration, initial.settings)
        complaints.take(found.unfit)
        session.configure(found.settings)

    async def fetch() -> None:
        asked = types.ConfigurationParams([types.ConfigurationItem(section=SECTION)])
        answers = await answered(server.workspace_configuration_async(asked), None)
        configure(answers[0] if answers else None)

    @server.feature(types.WORKSPACE_DID_CHANGE_CONFIGURATION)
    async def did_change_configuration(params: types.DidChangeConfigurationParams) -> None:
        if can_be_asked:
            await fetch()
        elif isinstance(params.settings, dict):
            configure(params.settings.get(SECTION))

    async def at_start() -> None:
        apply_trace()
        complaints.take(initial.unfit)
        if registration is not None and registration.dynamic_registration:
            method = types.WORKSPACE_DID_CHANGE_CONFIGURATION
            options = types.DidChangeConfigurationRegistrationOptions(section=SECTION)
            request = server.client_register_capability_async(
                types.RegistrationParams([types.Registration(f"{SECTION}-configuration", method, options)])
            )
            await answered(request, None)
        if can_be_asked:
            await fetch()

    session.at_start.append(at_start)


class _Complaints:
    """Reports settings that were rejected, each value once, however often the client sends it."""

    def __init__(self, server: LanguageServer) -> None:
        self._server = server
        self._made: set[tuple[str, str]] = set()

    def take(self, unfit: Sequence[UnfitSetting]) -> None:
        """Log each new rejected setting; show the rejected values to the user."""
        for one in unfit:
            identity = (one.name, repr(one.value))
            if identity not in self._made:
                self._made.add(identity)
                name = f"{SECTION}.{one}" if one.name else f"{SECTION}: {one}"
                logger.log(logging.WARNING if one.unknown else logging.ERROR, "settings: %s", name)
                if not one.unknown:
                    message = markdown.message(f"esmcache: settings: {name}")
                    self._server.window_show_message(types.ShowMessageParams(types.MessageType.Warning, message))
