#!/usr/bin/env python3
"""Asks the API server from inside a pod, as the pod's own client would, and writes down what happened.

Python 3.6 or newer, standard library only. Environment: KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT,
PROBE_PATH (what to GET), PROBE_OUT (folder for results), POD_UID and NODE_NAME (for the results), and for tests
PROBE_ACCOUNT (folder with token and ca.crt) and PROBE_TIMEOUT (seconds).

Every tenth of a second one request, whether earlier ones have been answered or not, one in four on a new connection
and the others on a kept one. One in four reads through etcd's quorum; the others the API server answers from its
watch cache (?resourceVersion=0), as it does for informers: what a pod's calls must show is the way, trust and token.
A failure is any connect, TLS or HTTP error or no whole answer in 5 s in which this process ran: who stood still for
5 s has not waited for an answer that lies in his socket. Only a kept connection that closed before any byte of the
answer is replaced, once, and counted as resent. The trusted CA is read once at the start, as client-go
does; the token is read again when its file changes.

Results: one JSON object a line. {"start": ...} once; {"failure": ...} each; every second
{"t", "ms", "requests", "failed", "resent", "skipped", "maxMs", "stalledMs", "at"}, where t is a time in seconds since
1970, ms how long after it is covered, stalledMs for how much of that the process did not run, and `at` lists the
successes as ms after t. SIGTERM: what is under way is finished and written, exit code 0.
"""
import collections
import json
import os
import queue
import signal
import socket
import ssl
import threading
import time

PERIOD = 1 / 10.5
CATCH_UP = 1.0
MOST_THREADS = 60
KEPT_CONNECTIONS = 2
LARGEST_ANSWER = 1 << 20
ZERO = time.time() - time.monotonic()


class Untouched(Exception):
    """A kept connection was closed before any byte of the answer."""


class RunningTime:
    """Counts the seconds in which this process ran. A step that is much too long means that it did not."""

    STEP = 0.05
    LONGEST_STEP = 0.25

    def __init__(self):
        # When the last step ended, and all stalls before: one value, so that no other thread sees half of a step.
        self.mark = (time.monotonic(), 0.0)
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while True:
            time.sleep(self.STEP)
            now, stalled = self.look()
            self.mark = (now, stalled)

    def look(self):
        now = time.monotonic()
        last, stalled = self.mark
        return now, stalled + max(0, now - last - self.LONGEST_STEP)

    def now(self):
        now, stalled = self.look()
        return now - stalled

    def stalled(self):
        return self.look()[1]


CLOCK = RunningTime()


def left(deadline):
    """Seconds of running time until the deadline. Raises when it has passed."""
    seconds = deadline - CLOCK.now()
    if seconds <= 0:
        raise socket.timeout("no answer in time")
    return seconds


def in_time(action, deadline):
    """Does what may be tried again after a timeout, until it is done or the deadline has passed."""
    while True:
        seconds = left(deadline)
        try:
            return action(seconds)
        except socket.timeout:
            pass


class Token:
    """The pod's token, read again when the file is another one."""

    def __init__(self, path):
        self.path = path
        self.seen = None
        self.text = ""

    def read(self):
        status = os.stat(self.path)
        seen = (status.st_mtime_ns, status.st_ino)
        if seen != self.seen:
            with open(self.path, encoding="ascii") as file:
                self.text = file.read().strip()
            self.seen = seen
        return self.text


class Connection:
    """One TLS connection that carries one request at a time."""

    def __init__(self, host, port, context, deadline):
        self.answers = 0
        raw = in_time(lambda seconds: socket.create_connection((host, port), timeout=seconds), deadline)
        try:
            raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.socket = context.wrap_socket(raw, server_hostname=host, do_handshake_on_connect=False)
        except BaseException:
            raw.close()
            raise
        try:
            in_time(self.handshake, deadline)
        except BaseException:
            self.socket.close()
            raise

    def handshake(self, seconds):
        self.socket.settimeout(seconds)
        self.socket.do_handshake()

    def exchange(self, request, deadline):
        """Status and body of the answer, and whether the connection may be used again."""
        received = b""
        try:
            self.socket.settimeout(left(deadline))
            self.socket.sendall(request)
            while b"\r\n\r\n" not in received:
                received += self.receive(deadline)
        except (ConnectionError, ssl.SSLEOFError, ssl.SSLZeroReturnError) as error:
            if self.answers > 0 and not received:
                raise Untouched(str(error))
            raise
        head, _, body = received.partition(b"\r\n\r\n")
        status, headers = parse_head(head)
        body = self.body(headers, body, deadline)
        self.answers += 1
        return status, body, headers.get("connection", "").lower() != "close"

    def body(self, headers, body, deadline):
        if headers.get("transfer-encoding", "").lower() == "chunked":
            return self.chunks(body, deadline)
        length = int(headers.get("content-length", "0"))
        while len(body) < length:
            body += self.receive(deadline)
        return body

    def chunks(self, rest, deadline):
        whole = b""
        while True:
            while b"\r\n" not in rest:
                rest += self.receive(deadline)
            size_text, _, rest = rest.partition(b"\r\n")
            size = int(size_text.split(b";")[0], 16)
            while len(rest) < size + 2:
                rest += self.receive(deadline)
            if size == 0:
                return whole
            whole += rest[:size]
            rest = rest[size + 2 :]

    def receive(self, deadline):
        part = in_time(self.receive_some, deadline)
        if not part:
            raise ConnectionResetError("closed before the end of the answer")
        return part

    def receive_some(self, seconds):
        self.socket.settimeout(seconds)
        return self.socket.recv(65536)

    def close(self):
        self.socket.close()


def parse_head(head):
    lines = head.decode("latin-1").split("\r\n")
    status = int(lines[0].split(" ")[1])
    pairs = (line.split(":", 1) for line in lines[1:])
    return status, {name.strip().lower(): value.strip() for name, value in pairs}


class Client:
    """Sends requests on new and on kept connections. Used by several threads."""

    def __init__(self, environment):
        account = environment.get("PROBE_ACCOUNT", "/var/run/secrets/kubernetes.io/serviceaccount")
        self.host = environment["KUBERNETES_SERVICE_HOST"]
        self.port = int(environment["KUBERNETES_SERVICE_PORT"])
        self.path = environment["PROBE_PATH"]
        self.token = Token(os.path.join(account, "token"))
        # Trusts nothing but this file; checks the chain and the name or address.
        self.context = ssl.create_default_context(cafile=os.path.join(account, "ca.crt"))
        self.idle = collections.deque()

    def open(self, deadline):
        return Connection(self.host, self.port, self.context, deadline)

    def request(self, keep, cached):
        host = "[%s]" % self.host if ":" in self.host else self.host
        lines = [
            "GET %s%s HTTP/1.1" % (self.path, "?resourceVersion=0" if cached else ""),
            "Host: %s:%d" % (host, self.port),
            "Authorization: Bearer %s" % self.token.read(),
            "Accept: application/json",
            "Connection: %s" % ("keep-alive" if keep else "close"),
        ]
        return ("\r\n".join(lines) + "\r\n\r\n").encode("ascii")

    def on_new(self, deadline, keep, cached):
        return self.on(self.open(deadline), deadline, keep, cached)

    def on_kept(self, deadline, cached):
        """The answer, and whether the request had to be sent again."""
        try:
            connection = self.idle.popleft()
        except IndexError:
            return self.on_new(deadline, True, cached), False
        try:
            return self.on(connection, deadline, True, cached), False
        except Untouched:
            return None, True

    def on(self, connection, deadline, keep, cached):
        reusable = False
        try:
            status, body, reusable = connection.exchange(self.request(keep, cached), deadline)
        finally:
            if keep and reusable and len(self.idle) < KEPT_CONNECTIONS:
                self.idle.append(connection)
            else:
                connection.close()
        return status, body


class Results:
    """Counts and writes lines. Used by several threads."""

    def __init__(self, path, start):
        self.lock = threading.Lock()
        self.file = open(path, "a", encoding="utf-8")
        self.reset()
        self.write(start)

    def reset(self):
        self.t = time.monotonic()
        self.stalled_before = CLOCK.stalled()
        self.counts = {"requests": 0, "failed": 0, "resent": 0, "skipped": 0}
        self.longest = 0.0
        self.successes = []

    def write(self, line):
        self.file.write(json.dumps(line, separators=(",", ":")) + "\n")
        self.file.flush()

    def add(self, **counts):
        with self.lock:
            for name, count in counts.items():
                self.counts[name] += count

    def settle(self, began, kind, error):
        ended = time.monotonic()
        with self.lock:
            self.counts["requests"] += 1
            self.longest = max(self.longest, ended - began)
            if error is None:
                self.successes.append(ended)
                return
            self.counts["failed"] += 1
            latency = round((ended - began) * 1000, 1)
            self.write({"failure": {"t": round(ZERO + began, 3), "error": error, "latencyMs": latency, "via": kind}})

    def summary(self):
        with self.lock:
            line = {"t": round(ZERO + self.t, 3), "ms": round((time.monotonic() - self.t) * 1000)}
            line.update(self.counts)
            line["maxMs"] = round(self.longest * 1000, 1)
            line["stalledMs"] = round((CLOCK.stalled() - self.stalled_before) * 1000)
            line["at"] = [round((moment - self.t) * 1000) for moment in self.successes]
            self.write(line)
            self.reset()


class Probe:
    def __init__(self, environment):
        self.timeout = float(environment.get("PROBE_TIMEOUT", "5"))
        self.client = Client(environment)
        name = "%s.jsonl" % environment["POD_UID"]
        start = {"t": time.time(), "uid": environment["POD_UID"], "node": environment["NODE_NAME"]}
        self.results = Results(os.path.join(environment["PROBE_OUT"], name), {"start": start})
        self.stopped = False
        self.jobs = queue.Queue()
        self.threads = []
        self.idle_threads = 0
        self.lock = threading.Lock()

    def stop(self, _signal, _frame):
        self.stopped = True

    def answer(self, kind, cached, deadline):
        if kind == "fresh":
            return self.client.on_new(deadline, False, cached)
        answer, again = self.client.on_kept(deadline, cached)
        if not again:
            return answer
        self.results.add(resent=1)
        return self.client.on_new(deadline, True, cached)

    def one(self, kind, cached, began, deadline):
        error = None
        try:
            status, body = self.answer(kind, cached, deadline)
            if not 200 <= status < 300:
                error = "HTTP %d: %s" % (status, body[:200].decode("utf-8", "replace"))
        except socket.timeout:
            error = "no answer in %g s" % self.timeout
        except Exception as problem:  # Whatever it is, it is a request that failed, and is written down.
            error = "%s: %s" % (type(problem).__name__, problem)
        self.results.settle(began, kind, error)

    def work(self):
        while True:
            with self.lock:
                self.idle_threads += 1
            job = self.jobs.get()
            if job is None:
                return
            self.one(*job)

    def give(self, kind, cached, began):
        """Hands a request to a thread that has nothing to do, or to a new one."""
        with self.lock:
            if self.idle_threads > 0:
                self.idle_threads -= 1
            elif len(self.threads) < MOST_THREADS:
                # A new thread counts itself as idle and takes this job, which is counted off here.
                self.idle_threads -= 1
                self.threads.append(threading.Thread(target=self.work, daemon=True))
                self.threads[-1].start()
            else:
                self.results.add(skipped=1)
                return
        self.jobs.put((kind, cached, began, CLOCK.now() + self.timeout))

    def run(self):
        due = time.monotonic()
        summary_due = due + 1
        # A handshake costs a server with an RSA 4096 key as much as many answers: most pods keep their connection too.
        # The second of a pair: from the watch cache.
        kinds = (("fresh", True), ("kept", False), ("kept", True), ("kept", True))
        count = 0
        while not self.stopped:
            now = time.monotonic()
            late = int((now - due - CATCH_UP) / PERIOD)
            if late > 0:
                self.results.add(skipped=late)
                due += late * PERIOD
            while due <= now:
                self.give(*kinds[count % len(kinds)], now)
                count += 1
                due += PERIOD
            if now >= summary_due:
                self.results.summary()
                summary_due += 1 if now < summary_due + 1 else now - summary_due + 1
            time.sleep(max(0, due - time.monotonic()))
        self.finish()

    def finish(self):
        for _ in self.threads:
            self.jobs.put(None)
        end = time.monotonic() + self.timeout + 1
        for thread in self.threads:
            thread.join(max(0, end - time.monotonic()))
        self.results.summary()


def main():
    probe = Probe(os.environ)
    signal.signal(signal.SIGTERM, probe.stop)
    signal.signal(signal.SIGINT, probe.stop)
    probe.run()


if __name__ == "__main__":
    main()
