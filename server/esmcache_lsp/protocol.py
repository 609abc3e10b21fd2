"""LSP as pygls speaks it, with three differences.

Every request is answered, however malformed it is. Errors that a user cannot act on go to the log. The texts of
documents are kept in a process of their own. This module must not know any feature.

pygls 2.1 has no public way to do this, so `Protocol` overrides its private methods `_run_generator`,
`_handle_cancel_notification`, `_send_handler_result`, `_check_handler_result` and `_send_data`. It uses `_workspace`,
`_shutdown`, `_converter`, `_request_futures`, `_result_types`, `_send_response` and `_serialize_message`. No other
module uses private names of pygls, and pyproject.toml allows only the minor version that has these.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Generator
from concurrent.futures import Future
from typing import Any, TypeVar

from cattrs import BaseValidationError, transform_error
from lsprotocol import types
from pygls.exceptions import (
    JsonRpcException,
    JsonRpcInternalError,
    JsonRpcInvalidParams,
    JsonRpcInvalidRequest,
    JsonRpcMethodNotFound,
    JsonRpcParseError,
    JsonRpcRequestCancelled,
    JsonRpcServerNotInitialized,
)
from pygls.protocol import JsonRPCNotification, JsonRPCRequestMessage, LanguageServerProtocol, lsp_method

from esmcache_lsp import markdown
from esmcache_lsp.transport import message_of

T = TypeVar("T")
U = TypeVar("U")

logger = logging.getLogger(__name__)

# LSP gives each changed text a higher version than the opened one had; some clients send no version.
UNKNOWN_VERSION = 0

_OWN = "esmcache/"
# Parameters that some clients leave out and that the server does not need.
_IMPLIED: dict[str, dict[str, Any]] = {
    types.INITIALIZED: {},
    types.WORKSPACE_DID_CHANGE_CONFIGURATION: {"settings": None},
}
_WITH_VERSION = (types.TEXT_DOCUMENT_DID_OPEN, types.TEXT_DOCUMENT_DID_CHANGE)
_LONGEST_LOGGED = 2000


async def answered(request: Awaitable[T], nothing: U) -> T | U:
    """Return the client's response, or `nothing` if it is an error or malformed."""
    try:
        return await request
    except JsonRpcException as error:
        logger.warning("the client does not answer: %s", error)
        return nothing


class Protocol(LanguageServerProtocol):
    """Handles incoming messages (`take`) until the client sends `exit` (`ended`)."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.ended = asyncio.Event()

    def take(self, body: bytes) -> None:
        """Handle one message."""
        logger.debug("received %s", body[:_LONGEST_LOGGED])
        try:
            message = json.loads(body)
        except (ValueError, RecursionError) as error:
            self._refuse(None, JsonRpcParseError.of(error))
            return
        if not isinstance(message, dict):
            self._refuse(None, JsonRpcInvalidRequest.of("not an object"))
            return
        method, msg_id = message.get("method"), message.get("id")
        if isinstance(msg_id, bool) or not isinstance(msg_id, int | str):
            msg_id = None
        if isinstance(method, str) and "id" not in message:
            self._take_notification(method, message)
        elif isinstance(method, str) and msg_id is not None:
            self._take_request(method, msg_id, message)
        elif "method" not in message and msg_id is not None:
            self._take_response(msg_id, message)
        else:
            self._refuse(msg_id, JsonRpcInvalidRequest.of("the message is not a request, a notification or a response"))

    def refuse_unread(self, reason: str) -> None:
        """Answer a message that was not read; its request id is unknown."""
        self._refuse(None, JsonRpcInvalidRequest.of(reason))

    def _take_request(self, method: str, msg_id: int | str, message: dict[str, Any]) -> None:
        is_initialized = self._workspace is not None
        if self._shutdown:
            self._refuse(msg_id, JsonRpcInvalidRequest.of("the server accepts no requests after shutdown"))
        elif is_initialized == (method == types.INITIALIZE):
            once = JsonRpcInvalidRequest.of("initialize was sent before")
            self._refuse(msg_id, once if is_initialized else JsonRpcServerNotInitialized())
        else:
            try:
                request = self._structured(method, message)
            except JsonRpcException as error:
                self._refuse(msg_id, error)
            else:
                self.handle_message(request)

    def _take_notification(self, method: str, message: dict[str, Any]) -> None:
        if self._workspace is None and method != types.EXIT:
            logger.warning("%s: sent before initialize", method)
            return
        try:
            self.handle_message(self._structured(method, message))
        except JsonRpcException as error:
            logger.warning("%s: %s", method, error)

    def _take_response(self, msg_id: int | str, message: dict[str, Any]) -> None:
        if msg_id not in self._result_types:
            logger.debug("nobody asked for %s", msg_id)
            return
        kind, future = self._result_types.pop(msg_id), self._request_futures.pop(msg_id)
        if not future.set_running_or_notify_cancel():
            return
        try:
            if message.get("error") is not None:
                refusal = self._converter.structure(message["error"], types.ResponseError)
                future.set_exception(JsonRpcException.from_error(refusal))
            elif kind is None:
                future.set_result(message.get("result"))
            else:
                future.set_result(self._converter.structure({"result": None, **message}, kind).result)
        except Exception as error:  # noqa: BLE001 (whatever the client sent must settle the future)
            future.set_exception(JsonRpcException(_one_line(error)))

    def _structured(self, method: str, message: dict[str, Any]) -> Any:
        """Return the message as a type of lsprotocol.

        Raises:
            JsonRpcMethodNotFound: If a notification has an id, or a request has none.
            JsonRpcInvalidParams: If the parameters are not those of the method.
        """
        is_request = "id" in message
        kind, params = self.get_message_type(method), message.get("params")
        if kind is None or method.startswith(_OWN):
            # Features for esmcache's own methods get the parameters unconverted.
            if is_request:
                return JsonRPCRequestMessage(message["id"], method, self.VERSION, params)
            return JsonRPCNotification(method, self.VERSION, params)
        if is_request != hasattr(kind, "id"):
            raise JsonRpcMethodNotFound.of(f"{method} is {'no' if is_request else 'a'} request")
        if method in _IMPLIED and isinstance(params, dict | None):
            params = _IMPLIED[method] | (params or {})
        if method in _WITH_VERSION:
            _set_version(params)
        try:
            return self._converter.structure({**message, "jsonrpc": self.VERSION, "params": params}, kind)
        except Exception as error:  # noqa: BLE001 (cattrs raises many types for what a client sent)
            raise JsonRpcInvalidParams.of(_one_line(error)) from None

    def _refuse(self, msg_id: int | str | None, error: JsonRpcException) -> None:
        logger.warning("request %s: %s", msg_id, error)
        # pygls leaves out an id that is null, but JSON-RPC requires it in an error response.
        refusal = {"code": error.code, "message": markdown.message(error.message)}
        self._send_data({"jsonrpc": self.VERSION, "id": msg_id, "error": refusal})

    @lsp_method(types.SHUTDOWN)
    def lsp_shutdown(self, *arguments: Any) -> Generator[Any, Any, None]:
        """Refuse all unanswered requests and all later ones."""
        yield from self._hand_on(types.SHUTDOWN, *arguments)
        for msg_id, future in list(self._request_futures.items()):
            if msg_id != self.msg_id:
                future.cancel()
        self._shutdown = True

    @lsp_method(types.EXIT)
    def lsp_exit(self, *arguments: Any) -> Generator[Any, Any, None]:
        """Call the handler of `exit` and stop reading messages."""
        yield from self._hand_on(types.EXIT, *arguments)
        self.ended.set()

    @lsp_method(types.TEXT_DOCUMENT_DID_OPEN)
    def lsp_text_document__did_open(self, params: types.DidOpenTextDocumentParams) -> Generator[Any, Any, None]:
        """Call the handler for an opened document."""
        yield from self._hand_on(types.TEXT_DOCUMENT_DID_OPEN, params)

    @lsp_method(types.TEXT_DOCUMENT_DID_CHANGE)
    def lsp_text_document__did_change(self, params: types.DidChangeTextDocumentParams) -> Generator[Any, Any, None]:
        """Call the handler for changes of a document."""
        yield from self._hand_on(types.TEXT_DOCUMENT_DID_CHANGE, params)

    @lsp_method(types.TEXT_DOCUMENT_DID_CLOSE)
    def lsp_text_document__did_close(self, params: types.DidCloseTextDocumentParams) -> Generator[Any, Any, None]:
        """Call the handler for a closed document."""
        yield from self._hand_on(types.TEXT_DOCUMENT_DID_CLOSE, params)

    @lsp_method(types.WORKSPACE_DID_CHANGE_WORKSPACE_FOLDERS)
    def lsp_workspace__did_change_workspace_folders(
        self, params: types.DidChangeWorkspaceFoldersParams
    ) -> Generator[Any, Any, None]:
        """Call the handler for changed folders, which the session keeps; clients may remove unknown folders."""
        yield from self._hand_on(types.WORKSPACE_DID_CHANGE_WORKSPACE_FOLDERS, params)

    def _hand_on(self, method: str, *params: object) -> Generator[Any, Any, None]:
        handler = self.fm.features.get(method)
        if handler is not None:
            yield handler, params, None

    def _run_generator(
        self, future: Future[Any] | None, *, gen: Generator[Any, Any, Any], result_future: Future[Any]
    ) -> None:
        if future is not None and future.cancelled():
            result_future.cancel()
        else:
            super()._run_generator(future, gen=gen, result_future=result_future)

    def _handle_cancel_notification(self, msg_id: int | str) -> None:
        # A request that was answered in the meantime can no longer be cancelled; LSP allows this.
        future = self._request_futures.pop(msg_id, None)
        if future is not None:
            future.cancel()

    def _send_handler_result(self, future: Future[Any], *, msg_id: int | str) -> None:
        self._request_futures.pop(msg_id, None)
        if future.cancelled():
            self._send_response(msg_id, error=JsonRpcRequestCancelled().to_response_error())
        elif (error := future.exception()) is None:
            self._send_response(msg_id, result=future.result())
        elif isinstance(error, JsonRpcException):
            self._refuse(msg_id, error)
        else:
            logger.error("request %s failed", msg_id, exc_info=error)
            self._refuse(msg_id, JsonRpcInternalError(f"{type(error).__name__}: {error}"))

    def _check_handler_result(self, future: Future[Any]) -> None:
        if not future.cancelled() and (error := future.exception()) is not None:
            logger.error("a notification could not be handled", exc_info=error)

    def _send_data(self, data: Any) -> None:
        if self.writer is None or self.ended.is_set():
            return
        body = json.dumps(data, default=self._serialize_message).encode("utf-8")
        logger.debug("sent %s", body[:_LONGEST_LOGGED])
        try:
            self.writer.write(message_of(body))
        except OSError as error:
            logger.warning("the client is gone: %s", error.strerror)
            self.ended.set()


def _set_version(params: Any) -> None:
    document = params.get("textDocument") if isinstance(params, dict) else None
    if isinstance(document, dict) and document.get("version") is None:
        document["version"] = UNKNOWN_VERSION


def _one_line(error: Exception) -> str:
    """Return the validation error in one line: the mismatches and where they are."""
    found = transform_error(error, path="message") if isinstance(error, BaseValidationError) else [str(error)]
    return " ".join("; ".join(found).split())
