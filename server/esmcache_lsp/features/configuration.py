"""The client's settings: asked for where it can be asked, and taken when it tells of changes."""

from __future__ import annotations

import logging

from lsprotocol import types
from pygls.lsp.server import LanguageServer

from esmcache_lsp.session import Session
from esmcache_lsp.settings import SECTION, configured_settings, initial_settings

# What goes into the log: of ours, and of the protocol's own.
_LEVELS = {
    "off": (logging.INFO, logging.WARNING),
    "messages": (logging.DEBUG, logging.INFO),
    "verbose": (logging.DEBUG, logging.DEBUG),
}


def register(server: LanguageServer, session: Session) -> None:
    """Register what brings settings."""

    def apply_trace() -> None:
        for name, level in zip(("esmcache_lsp", "pygls"), _LEVELS[session.settings.trace], strict=True):
            logging.getLogger(name).setLevel(level)

    session.when_settings_changed.append(apply_trace)
    initial = initial_settings(session.initialization_options)
    workspace = server.client_capabilities.workspace
    can_be_asked = bool(workspace and workspace.configuration)
    registration = workspace.did_change_configuration if workspace else None

    async def fetch() -> None:
        answers = await server.workspace_configuration_async(
            types.ConfigurationParams([types.ConfigurationItem(section=SECTION)])
        )
        session.configure(configured_settings(answers[0] if answers else None, initial))

    @server.feature(types.WORKSPACE_DID_CHANGE_CONFIGURATION)
    async def did_change_configuration(params: types.DidChangeConfigurationParams) -> None:
        if can_be_asked:
            await fetch()
        elif isinstance(params.settings, dict):
            session.configure(configured_settings(params.settings.get(SECTION), initial))

    async def at_start() -> None:
        apply_trace()
        if registration is not None and registration.dynamic_registration:
            method = types.WORKSPACE_DID_CHANGE_CONFIGURATION
            options = types.DidChangeConfigurationRegistrationOptions(section=SECTION)
            await server.client_register_capability_async(
                types.RegistrationParams([types.Registration(f"{SECTION}-configuration", method, options)])
            )
        if can_be_asked:
            await fetch()

    session.at_start.append(at_start)
