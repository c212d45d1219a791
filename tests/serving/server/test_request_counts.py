"""Requests are counted as Prometheus counts them."""

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest

from lungnet.serving.server.request_counts import RequestCounts


def test_by_hand():
    counts = RequestCounts()
    for seconds in (0.001, 0.0011, 0.5, 61.0):
        counts.count("/v2", "GET", 200, seconds)
    counts.count("/v2", "POST", 405, 0.001)
    registry = CollectorRegistry()
    registry.register(counts)
    text = generate_latest(registry).decode()
    for line in (
        'lungnet_requests_total{method="GET",route="/v2",status="200"} 4.0',
        'lungnet_requests_total{method="POST",route="/v2",status="405"} 1.0',
        'lungnet_request_seconds_bucket{le="0.001",route="/v2"} 2.0',  # a bound belongs to what is below
        'lungnet_request_seconds_bucket{le="0.002",route="/v2"} 3.0',
        'lungnet_request_seconds_bucket{le="60.0",route="/v2"} 4.0',
        'lungnet_request_seconds_bucket{le="+Inf",route="/v2"} 5.0',
        'lungnet_request_seconds_count{route="/v2"} 5.0',
    ):
        assert line in text


def test_as_the_client_of_prometheus_does():
    registry = CollectorRegistry()
    requests = Counter("lungnet_requests", "Requests.", ("route", "method", "status"), registry=registry)
    seconds = Histogram(
        "lungnet_request_seconds",
        "From the headers of a request to the end of its answer.",
        ("route",),
        buckets=(0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60),
        registry=registry,
    )
    counts = RequestCounts()
    for number in range(50):
        route, taken = f"/{number % 3}", 1e-4 * 1.3**number
        requests.labels(route, "GET", "200").inc()
        seconds.labels(route).observe(taken)
        counts.count(route, "GET", 200, taken)
    ours = CollectorRegistry()
    ours.register(counts)
    theirs = [line for line in generate_latest(registry).splitlines() if b"_created" not in line]
    assert generate_latest(ours).splitlines() == theirs
