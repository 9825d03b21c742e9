"""A stand-in of the hub: as much of its HTTP interface as an upload of a folder
and its download need.
"""

import base64
import contextlib
import hashlib
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

TOKENS = {"Bearer hf_writes": 200, "Bearer hf_reads": 403}  # or 401


class StandInHub(ThreadingHTTPServer):
    """Holds repositories of models in memory, each at its last commit.

    Attributes
    ----------
    repositories : dict
        From USER/NAME to a dict from paths to bytes.
    made : list of dict
        What each repository was asked for with.
    """

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.repositories, self.made, self.blobs = {}, [], {}
        self.url = f"http://127.0.0.1:{self.server_port}"

    @contextlib.contextmanager
    def running(self):
        """Serves in a thread."""
        thread = threading.Thread(target=self.serve_forever)
        thread.start()
        try:
            yield self
        finally:
            self.shutdown()
            thread.join()
            self.server_close()

    def revision(self, name):
        """Makes the hash of a commit out of what it holds."""
        files = sorted(self.repositories[name].items())
        return hashlib.sha1(repr(files).encode()).hexdigest()


class Handler(BaseHTTPRequestHandler):
    """Answers one request."""

    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        """Keeps the output of tests short."""

    def answer(self, status, content=b"", headers=()):
        """Sends bytes, or anything else as JSON."""
        if not isinstance(content, bytes):
            content = json.dumps(content).encode()
        self.send_response(status)
        for name, value in {
            "Content-Length": len(content),
            **dict(headers),
        }.items():
            self.send_header(name, str(value))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def do_POST(self):
        """Makes a repository, says how files are sent, and takes commits."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        status = TOKENS.get(self.headers.get("Authorization"), 401)
        if status != 200:
            self.answer(status, {"error": "not with this token"})
            return
        hub, path = self.server, self.path.split("?")[0].strip("/")
        if path == "api/repos/create":
            asked = json.loads(body)
            name = f"{asked['organization']}/{asked['name']}"
            known = name in hub.repositories
            hub.repositories.setdefault(name, {})
            hub.made.append(asked)
            self.answer(409 if known else 200, {"url": f"{hub.url}/{name}"})
        elif path == "api/validate-yaml":  # of a card
            self.answer(200, {"errors": [], "warnings": []})
        elif path.endswith("info/lfs/objects/batch"):
            self.answer(
                200,
                {"objects": list(map(self.lfs, json.loads(body)["objects"]))},
            )
        elif "/preupload/" in path:
            files = [
                {
                    "path": file["path"],
                    "shouldIgnore": False,
                    "uploadMode": "lfs"
                    if file["path"].endswith((".safetensors", ".onnx"))
                    else "regular",
                }
                for file in json.loads(body)["files"]
            ]
            self.answer(200, {"files": files})
        elif "/commit/" in path:
            name = "/".join(path.split("/")[2:4])
            for line in body.splitlines():
                self.commit(hub.repositories[name], **json.loads(line))
            oid = hub.revision(name)
            self.answer(
                200,
                {
                    "commitUrl": f"{hub.url}/{name}/commit/{oid}",
                    "commitOid": oid,
                },
            )
        else:
            self.answer(404)

    def lfs(self, blob):
        """Says where a large file is sent."""
        action = {"href": f"{self.server.url}/lfs/{blob['oid']}"}
        return blob | {"actions": {"upload": action}}

    def commit(self, files, key, value):
        """Does one line of a commit."""
        if key == "file":
            files[value["path"]] = base64.b64decode(value["content"])
        elif key == "lfsFile":
            files[value["path"]] = self.server.blobs[value["oid"]]
        elif key == "deletedFile":
            del files[value["path"]]

    def do_PUT(self):
        """Takes a large file."""
        if self.headers.get("Transfer-Encoding") == "chunked":
            content = b""
            while size := int(self.rfile.readline(), 16):
                content += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
        else:
            content = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.blobs[hashlib.sha256(content).hexdigest()] = content
        self.answer(200)

    def do_GET(self):
        """Describes a repository, lists it, or sends a file."""
        hub, parts = self.server, self.path.split("?")[0].strip("/").split("/")
        is_api = parts[:2] == ["api", "models"]
        name, rest = (
            "/".join(parts[2:4] if is_api else parts[:2]),
            parts[4 if is_api else 2 :],
        )
        files = hub.repositories.get(name)
        if files is None:
            self.answer(404, headers={"X-Error-Code": "RepoNotFound"})
        elif is_api and rest[:1] == ["tree"]:
            listed = [
                {
                    "type": "file",
                    "path": path,
                    "size": len(content),
                    "oid": hashlib.sha1(content).hexdigest(),
                }
                for path, content in files.items()
            ]
            self.answer(200, listed)
        elif is_api:
            self.answer(
                200,
                {
                    "id": name,
                    "sha": hub.revision(name),
                    "siblings": [{"rfilename": path} for path in files],
                },
            )
        elif (
            rest[0] == "resolve" and (content := files.get(rest[2])) is not None
        ):
            headers = {
                "ETag": f'"{hashlib.sha1(content).hexdigest()}"',
                "X-Repo-Commit": hub.revision(name),
            }
            self.answer(200, content, headers)
        else:
            self.answer(404, headers={"X-Error-Code": "EntryNotFound"})

    do_HEAD = do_GET
