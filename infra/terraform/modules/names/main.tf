# What the code and the cloud must call by the same name. tests/unit/test_infrastructure_names.py
# reads this file and the Python, and fails on any difference; so the values are literals.

locals {
  # services/platform/rows/bigtable/schema.py. Short, because it travels with every cell.
  column_family = "c"

  # The app profile that services use (AVIARY_BIGTABLE_APP_PROFILE). It leads to one cluster, as
  # conditional writes ask for; a failover moves it.
  app_profile = "active"

  # Every TableSpec of services/platform/rows/ and services/identity/. `max_age_s` is the retention of cells,
  # null keeps them. `key` is the row key (services/platform/rows/keys.py); numbers are fixed-width hex, and
  # `~` is the 64-bit complement, so that the newest sorts first.
  tables = {
    users            = { max_age_s = null, key = "{user:016x}" }
    handles          = { max_age_s = null, key = "{handle}" }
    user_requests    = { max_age_s = 86400, key = "{scope}#{request id}" }
    user_outbox      = { max_age_s = null, key = "{shard:02x}#{entry:016x}, 16 shards" }
    leases           = { max_age_s = null, key = "{worker:03x}" }
    tweets           = { max_age_s = null, key = "{shard:02x}#{tweet:016x}, 64 shards" }
    tweets_by_author = { max_age_s = null, key = "{author:016x}#{~tweet:016x}" }
    requests         = { max_age_s = 86400, key = "{scope}#{request id}" }
    tweet_outbox     = { max_age_s = null, key = "{shard:02x}#{entry:016x}, 16 shards" }
    following        = { max_age_s = null, key = "{follower:016x}#{followee:016x}" }
    followers        = { max_age_s = null, key = "{followee:016x}#{follower:016x}" }
    muting           = { max_age_s = null, key = "{viewer:016x}#{muted:016x}" }
    blocking         = { max_age_s = null, key = "{viewer:016x}#{blocked:016x}" }
    blocked_by       = { max_age_s = null, key = "{blocked:016x}#{viewer:016x}" }
    follow_counts    = { max_age_s = null, key = "{user:016x}" }
    graph_outbox     = { max_age_s = null, key = "{shard:02x}#{entry:016x}, 16 shards" }
    # One row a day and a column for each tweet: a cold read is one row read, not fifty.
    home            = { max_age_s = 2592000, key = "{user:016x}#{~day:08x}, column {~tweet}" }
    viewers         = { max_age_s = null, key = "{user:016x}" }
    celebrities     = { max_age_s = null, key = "{author:016x}" }
    fanout_controls = { max_age_s = null, key = "one row" }
    # services/identity/store.py. A family lives for the 30 days of a refresh token, and one more.
    identity_clients          = { max_age_s = null, key = "{client id}" }
    identity_codes            = { max_age_s = 86400, key = "{digest of the code}" }
    identity_families         = { max_age_s = 2678400, key = "{family id}" }
    identity_credentials      = { max_age_s = null, key = "{user}" }
    identity_sign_ups         = { max_age_s = null, key = "{canonical handle}" }
    identity_keys             = { max_age_s = null, key = "{key id}" }
    identity_sessions         = { max_age_s = 2678400, key = "{user:016x}.{session id}" }
    identity_app_keys         = { max_age_s = 31622400, key = "{client id}.{digits}" }
    identity_revoked_app_keys = { max_age_s = 31622400, key = "{client id}.{digits}" }
    identity_app_key_signers  = { max_age_s = null, key = "{key id}" }
    identity_password_changes = { max_age_s = null, key = "{user}" }
    identity_revocations      = { max_age_s = 172800, key = "{kind}.{~until:016x}.{session id, user}" }
  }

  # services/platform/bus/topology.py.
  topics = [
    "tweet-events",
    "graph-events",
    "user-events",
    "fanout-close",
    "fanout-rest",
    "fanout-legs",
  ]

  # Subscription to topic. Each has a dead letter topic and subscription of its own name plus
  # `dead_letter_suffix` (services/platform/bus/pubsub.py), which the consumer publishes to by itself.
  subscriptions = {
    "fanout.plan"      = "tweet-events"
    "fanout.legs"      = "fanout-legs"
    "fanout.author"    = "tweet-events"
    "fanout.graph"     = "graph-events"
    "fanout.close"     = "fanout-close"
    "fanout.rest"      = "fanout-rest"
    "tweet.erasure"    = "user-events"
    "graph.erasure"    = "user-events"
    "identity.erasure" = "user-events"
  }
  dead_letter_suffix = ".dead"

  # services/platform/config/settings.py: AVIARY_BUS_VISIBILITY_S by default.
  ack_deadline_s = 30

  # services/platform/security/identities.py: a process `x` is known by the URI spiffe://DOMAIN/x, and by
  # the DNS name x.DOMAIN, which resolves nowhere.
  trust_domain  = "aviary.local"
  server_domain = "aviary.internal"

  # services/platform/config/settings.py: DEFAULT_ADDRESSES and DEFAULT_EDGE_PORT.
  edge_port = 8080
  # tools/deploy/layout.py: where services answer a kubelet's health checks.
  probe_port = 8081

  # What each service is and may touch; `modules/service` grants no more than this. It is told
  # no other `secrets`; `extra_ports` are its further listeners, by their variables.
  services = {
    user = {
      port        = 50051
      tables      = ["users", "handles", "user_requests", "user_outbox"]
      publishes   = ["user-events"]
      subscribes  = []
      uses_cache  = false
      secrets     = []
      extra_ports = {}
    }
    id = {
      port        = 50052
      tables      = ["leases"]
      publishes   = []
      subscribes  = []
      uses_cache  = false
      secrets     = []
      extra_ports = {}
    }
    tweet = {
      port        = 50053
      tables      = ["tweets", "tweets_by_author", "requests", "tweet_outbox", "home", "viewers", "celebrities", "fanout_controls"]
      publishes   = ["tweet-events"]
      subscribes  = ["tweet.erasure"]
      uses_cache  = true
      secrets     = []
      extra_ports = {}
    }
    graph = {
      port = 50054
      tables = [
        "following", "followers", "muting", "blocking", "blocked_by", "follow_counts", "graph_outbox",
        "fanout_controls",
      ]
      publishes   = ["graph-events"]
      subscribes  = ["graph.erasure"]
      uses_cache  = false
      secrets     = ["AVIARY_CURSOR_KEY"]
      extra_ports = {}
    }
    # It redrives dead letters of every subscription, so it publishes to every topic.
    fanout = {
      port   = 50055
      tables = ["home", "viewers", "celebrities", "fanout_controls"]
      publishes = [
        "fanout-close", "fanout-rest", "fanout-legs", "tweet-events", "graph-events", "user-events",
      ]
      subscribes = [
        "fanout.plan", "fanout.legs", "fanout.author", "fanout.graph", "fanout.close", "fanout.rest",
      ]
      uses_cache  = true
      secrets     = []
      extra_ports = {}
    }
    timeline = {
      port        = 50056
      tables      = ["home", "viewers", "celebrities"]
      publishes   = []
      subscribes  = []
      uses_cache  = true
      secrets     = ["AVIARY_CURSOR_KEY"]
      extra_ports = {}
    }
    gateway = {
      port        = 50057
      tables      = []
      publishes   = []
      subscribes  = []
      uses_cache  = true
      secrets     = ["AVIARY_CHALLENGE_KEY"]
      extra_ports = {}
    }
    identity = {
      port = 50058
      tables = [
        "identity_clients", "identity_codes", "identity_families", "identity_credentials",
        "identity_sign_ups", "identity_keys", "identity_sessions", "identity_app_keys",
        "identity_revoked_app_keys", "identity_app_key_signers", "identity_revocations",
        "identity_password_changes", "fanout_controls",
      ]
      publishes   = []
      subscribes  = ["identity.erasure"]
      uses_cache  = true
      secrets     = ["AVIARY_IDENTITY_KEY", "AVIARY_OPERATOR_SECRET"]
      extra_ports = { AVIARY_IDENTITY_HTTP_ADDRESS = 50059 }
    }
  }

  # The service that lists and redrives the dead letters of all others.
  dead_letter_operator = "fanout"

  # services/platform/observability/objectives.py. `goal` is the share of good events in 30 days; an event is good when it
  # ended without a fault of ours and within `threshold_s`. `metric` is a name
  # of services/platform/observability/names.py, null what the load balancer counts; `methods` are values of its
  # attribute `rpc.method`.
  objectives = {
    "edge-availability" = {
      goal        = 0.999
      threshold_s = null
      metric      = null
      methods     = []
    }
    "tweet-create-latency" = {
      goal        = 0.99
      threshold_s = 0.3
      metric      = "rpc.server.duration"
      methods     = ["aviary.tweet.v1.TweetService/CreateTweet"]
    }
    "home-read-latency-fast" = {
      goal        = 0.5
      threshold_s = 0.1
      metric      = "rpc.server.duration"
      methods     = ["aviary.timeline.v1.TimelineService/GetHomeTimeline"]
    }
    "home-read-latency" = {
      goal        = 0.99
      threshold_s = 0.5
      metric      = "rpc.server.duration"
      methods     = ["aviary.timeline.v1.TimelineService/GetHomeTimeline"]
    }
    "fanout-lag" = {
      goal        = 0.99
      threshold_s = 5
      metric      = "fanout.lag"
      methods     = []
    }
  }
}
