# Made by `make generate` from tools/deploy/; do not edit.

locals {
  # What each service is and may touch; `modules/workload-identity` grants no more. `extra_ports`
  # are its further listeners, by their variables.
  services = {
    user = {
      port        = 50051
      tables      = ["users", "handles", "user_names", "user_requests", "user_outbox", "fanout_controls"]
      publishes   = ["user-events"]
      subscribes  = []
      uses_cache  = true
      secrets     = ["AVIARY_CURSOR_KEY"]
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
      port = 50053
      tables = [
        "tweets",
        "tweets_by_author",
        "author_counts",
        "replies",
        "requests",
        "retweets",
        "tweet_outbox",
        "tweets_quarantined",
        "tweet_scans",
        "home",
        "viewers",
        "celebrities",
        "fanout_controls",
      ]
      publishes   = ["tweet-events"]
      subscribes  = ["tweet.erasure", "tweet.scanning"]
      uses_cache  = true
      secrets     = ["AVIARY_CURSOR_KEY"]
      extra_ports = { AVIARY_TWEET_HTTP_ADDRESS = 50061 }
    }
    graph = {
      port = 50054
      tables = [
        "blocked_by",
        "blocking",
        "following",
        "followers",
        "muting",
        "requesting",
        "requested",
        "follow_counts",
        "protected",
        "muted_words",
        "graph_outbox",
        "fanout_controls",
      ]
      publishes   = ["graph-events"]
      subscribes  = ["graph.erasure"]
      uses_cache  = true
      secrets     = ["AVIARY_CURSOR_KEY"]
      extra_ports = { AVIARY_GRAPH_HTTP_ADDRESS = 50062 }
    }
    fanout = {
      port   = 50055
      tables = ["fanout_controls", "home", "viewers", "celebrities"]
      publishes = [
        "fanout-close",
        "fanout-rest",
        "fanout-legs",
        "user-events",
        "tweet-events",
        "graph-events",
        "engagement-events",
        "media-events",
      ]
      subscribes  = ["fanout.plan", "fanout.legs", "fanout.author", "fanout.graph", "fanout.close", "fanout.rest"]
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
      extra_ports = { AVIARY_TIMELINE_HTTP_ADDRESS = 50060 }
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
        "identity_clients",
        "identity_codes",
        "identity_families",
        "identity_sessions",
        "identity_credentials",
        "identity_sign_ups",
        "identity_keys",
        "identity_id_token_keys",
        "identity_app_keys",
        "identity_revoked_app_keys",
        "identity_app_key_signers",
        "identity_revocations",
        "identity_password_changes",
        "identity_guesses",
        "identity_devices",
        "fanout_controls",
      ]
      publishes   = []
      subscribes  = ["identity.erasure"]
      uses_cache  = true
      secrets     = ["AVIARY_IDENTITY_KEY", "AVIARY_OPERATOR_SECRET"]
      extra_ports = { AVIARY_IDENTITY_HTTP_ADDRESS = 50059 }
    }
    search = {
      port        = 50063
      tables      = ["search_changes", "search_replicas", "fanout_controls"]
      publishes   = []
      subscribes  = ["search.tweets"]
      uses_cache  = true
      secrets     = ["AVIARY_CURSOR_KEY", "AVIARY_SEARCH_URL"]
      extra_ports = {}
    }
    engagement = {
      port        = 50064
      tables      = ["engaged", "engagers", "tweet_counts", "engagement_jobs", "engagement_outbox", "fanout_controls"]
      publishes   = ["engagement-events"]
      subscribes  = ["engagement.counts", "engagement.tweets", "engagement.erasure"]
      uses_cache  = true
      secrets     = ["AVIARY_CURSOR_KEY"]
      extra_ports = { AVIARY_ENGAGEMENT_HTTP_ADDRESS = 50065 }
    }
    media = {
      port = 50066
      tables = [
        "media",
        "media_by_owner",
        "media_unsettled",
        "media_quarantined",
        "media_requests",
        "media_outbox",
        "fanout_controls",
      ]
      publishes   = ["media-events"]
      subscribes  = ["media.processing", "media.tweets", "media.erasure"]
      uses_cache  = true
      secrets     = ["AVIARY_CURSOR_KEY"]
      extra_ports = { AVIARY_MEDIA_HTTP_ADDRESS = 50067 }
    }
    notification = {
      port        = 50068
      tables      = ["notifications", "notification_groups", "notification_told", "notification_read", "fanout_controls"]
      publishes   = []
      subscribes  = ["notification.tweets", "notification.graph", "notification.likes", "notification.erasure"]
      uses_cache  = true
      secrets     = ["AVIARY_CURSOR_KEY"]
      extra_ports = {}
    }
    list = {
      port        = 50069
      tables      = ["lists", "lists_by_owner", "lists_with", "list_requests", "fanout_controls"]
      publishes   = []
      subscribes  = ["list.erasure"]
      uses_cache  = true
      secrets     = ["AVIARY_CURSOR_KEY"]
      extra_ports = {}
    }
    live = {
      port        = 50070
      tables      = []
      publishes   = []
      subscribes  = []
      uses_cache  = true
      secrets     = ["AVIARY_CURSOR_KEY"]
      extra_ports = {}
    }
  }

  # `max_age_s` is the retention of cells, null keeps them. `key` is the row key: numbers are fixed-
  # width hex, and `~` is the 64-bit complement, by which the newest sorts first.
  tables = {
    users                     = { max_age_s = null, key = "{user:016x}" }
    handles                   = { max_age_s = null, key = "{handle}" }
    user_names                = { max_age_s = null, key = "{name} #{user:016x}" }
    user_requests             = { max_age_s = 86400, key = "{scope}#{request id}" }
    user_outbox               = { max_age_s = null, key = "{shard:02x}#{entry:016x}, 16 shards" }
    leases                    = { max_age_s = null, key = "{worker:03x}" }
    tweets                    = { max_age_s = null, key = "{shard:02x}#{tweet:016x}, 64 shards" }
    tweets_by_author          = { max_age_s = null, key = "{author:016x}#{~tweet:016x}" }
    author_counts             = { max_age_s = null, key = "{author:016x}" }
    replies                   = { max_age_s = null, key = "{shard:02x}#{tweet:016x}#{~reply:016x}, 64 shards" }
    requests                  = { max_age_s = 86400, key = "{scope}#{request id}" }
    retweets                  = { max_age_s = null, key = "{user:016x}#{tweet:016x}" }
    tweet_outbox              = { max_age_s = null, key = "{shard:02x}#{entry:016x}, 16 shards" }
    tweets_quarantined        = { max_age_s = null, key = "{tweet:016x}" }
    tweet_scans               = { max_age_s = null, key = "{job}" }
    blocked_by                = { max_age_s = null, key = "{blocked:016x}, column {viewer}" }
    blocking                  = { max_age_s = null, key = "{viewer:016x}, column {blocked}" }
    following                 = { max_age_s = null, key = "{follower:016x}, column {followee}" }
    followers                 = { max_age_s = null, key = "{followee:016x}#{follower:016x}" }
    muting                    = { max_age_s = null, key = "{viewer:016x}, column {muted}" }
    requesting                = { max_age_s = null, key = "{requester:016x}, column {asked}" }
    requested                 = { max_age_s = null, key = "{asked:016x}, column {requester}" }
    follow_counts             = { max_age_s = null, key = "{user:016x}" }
    protected                 = { max_age_s = null, key = "{user:016x}" }
    muted_words               = { max_age_s = null, key = "{viewer:016x}" }
    graph_outbox              = { max_age_s = null, key = "{shard:02x}#{entry:016x}, 16 shards" }
    fanout_controls           = { max_age_s = null, key = "controls, and refused#{outbox}" }
    home                      = { max_age_s = 2592000, key = "{user:016x}#{~day:08x}, column {~tweet}" }
    viewers                   = { max_age_s = null, key = "{user:016x}" }
    celebrities               = { max_age_s = null, key = "{author:016x}" }
    identity_clients          = { max_age_s = null, key = "{client id}" }
    identity_codes            = { max_age_s = 86400, key = "{digest of the code}" }
    identity_families         = { max_age_s = 2678400, key = "{family id}" }
    identity_sessions         = { max_age_s = 2678400, key = "{user:016x}.{session id}" }
    identity_credentials      = { max_age_s = null, key = "{user}" }
    identity_sign_ups         = { max_age_s = null, key = "{canonical handle}" }
    identity_keys             = { max_age_s = null, key = "{key id}" }
    identity_id_token_keys    = { max_age_s = null, key = "{key id}" }
    identity_app_keys         = { max_age_s = 31622400, key = "{client id}.{digits}" }
    identity_revoked_app_keys = { max_age_s = 31622400, key = "{client id}.{digits}" }
    identity_app_key_signers  = { max_age_s = null, key = "{key id}" }
    identity_revocations      = { max_age_s = 172800, key = "{kind}.{~until:016x}.{session id, user}" }
    identity_password_changes = { max_age_s = null, key = "{user}" }
    identity_guesses          = { max_age_s = 86400, key = "{digest of the subject}.{window:016x}" }
    identity_devices          = { max_age_s = 15638400, key = "{user}.{digest of the secret}" }
    search_changes            = { max_age_s = 172800, key = "{unix ms:016x}#{random:016x}" }
    search_replicas           = { max_age_s = 86400, key = "{host}:{slot}" }
    engaged                   = { max_age_s = null, key = "{kind}#{actor:016x}, column {~tweet}" }
    engagers                  = { max_age_s = null, key = "{shard:02x}#{tweet:016x}#{kind}#{actor:016x}, 64 shards" }
    tweet_counts              = { max_age_s = null, key = "{shard:02x}#{tweet:016x}#{part}, 64 shards" }
    engagement_jobs           = { max_age_s = null, key = "{job}" }
    engagement_outbox         = { max_age_s = null, key = "{shard:02x}#{entry:016x}, 16 shards" }
    media                     = { max_age_s = null, key = "{shard:02x}#{media:016x}, 64 shards" }
    media_by_owner            = { max_age_s = null, key = "{owner:016x}#{media:016x}" }
    media_unsettled           = { max_age_s = null, key = "{shard:02x}#{media:016x}, 16 shards" }
    media_quarantined         = { max_age_s = null, key = "{media:016x}" }
    media_requests            = { max_age_s = 86400, key = "{owner:016x}#{request id}" }
    media_outbox              = { max_age_s = null, key = "{shard:02x}#{entry:016x}, 16 shards" }
    notifications             = { max_age_s = 2592000, key = "{user:016x}#{~day:08x}, column {~position}{kind}{tweet}" }
    notification_groups       = { max_age_s = 2678400, key = "{user:016x}#{kind}#{tweet:016x}, column of each actor" }
    notification_told         = { max_age_s = 2678400, key = "{shard:02x}#{tweet:016x}, 64 shards, column {reader}" }
    notification_read         = { max_age_s = 2678400, key = "{user:016x}" }
    lists                     = { max_age_s = null, key = "{list:016x}" }
    lists_by_owner            = { max_age_s = null, key = "{owner:016x}" }
    lists_with                = { max_age_s = null, key = "{member:016x}, column {list}" }
    list_requests             = { max_age_s = 86400, key = "{owner:016x}#{request id}" }
  }

  # Variables that hold secrets of services.
  secrets = [
    "AVIARY_CHALLENGE_KEY",
    "AVIARY_CURSOR_KEY",
    "AVIARY_IDENTITY_KEY",
    "AVIARY_OPERATOR_SECRET",
    "AVIARY_SEARCH_URL",
  ]

  # All but those of dead letters.
  topics = [
    "user-events",
    "tweet-events",
    "graph-events",
    "fanout-close",
    "fanout-rest",
    "fanout-legs",
    "engagement-events",
    "media-events",
  ]

  # To their topics. Each has a dead letter topic and subscription of its own, which the consumer
  # publishes to by itself.
  subscriptions = {
    "engagement.counts"    = "engagement-events"
    "engagement.tweets"    = "tweet-events"
    "engagement.erasure"   = "user-events"
    "fanout.plan"          = "tweet-events"
    "fanout.legs"          = "fanout-legs"
    "fanout.author"        = "tweet-events"
    "fanout.graph"         = "graph-events"
    "fanout.close"         = "fanout-close"
    "fanout.rest"          = "fanout-rest"
    "graph.erasure"        = "user-events"
    "identity.erasure"     = "user-events"
    "list.erasure"         = "user-events"
    "media.processing"     = "media-events"
    "media.tweets"         = "tweet-events"
    "media.erasure"        = "user-events"
    "notification.tweets"  = "tweet-events"
    "notification.graph"   = "graph-events"
    "notification.likes"   = "engagement-events"
    "notification.erasure" = "user-events"
    "search.tweets"        = "tweet-events"
    "tweet.erasure"        = "user-events"
    "tweet.scanning"       = "tweet-events"
  }

  # The service that lists and redrives the dead letters of all others.
  dead_letter_operator = "fanout"

  # Seconds after which an unacknowledged message is delivered again.
  ack_deadline_s = 30

  # A process `x` is known by the URI spiffe://DOMAIN/x in its certificate,
  trust_domain = "aviary.local"

  # and by the DNS name x.DOMAIN, which resolves nowhere.
  server_domain = "aviary.internal"

  # Where Envoy listens.
  edge_port = 8080

  # Where services answer a kubelet's health checks.
  probe_port = 8081

  # `goal` is the share of good events in 30 days; an event is good when it ended without a fault of
  # ours and within `threshold_s`. `metric` is a histogram, null what the load balancer counts;
  # `methods` are values of its attribute `rpc.method`.
  objectives = {
    edge-availability = { goal = 0.999, threshold_s = null, metric = null, methods = [] }
    tweet-create-latency = {
      goal        = 0.99
      threshold_s = 0.3
      metric      = "rpc.server.duration"
      methods     = ["aviary.tweet.v1.TweetService/CreateTweet"]
    }
    home-read-latency-fast = {
      goal        = 0.5
      threshold_s = 0.2
      metric      = "rpc.server.duration"
      methods = [
        "aviary.timeline.v1.TimelineService/GetHomeTimeline",
        "aviary.timeline.v1.TimelineService/GetHomeTimelineJson",
      ]
    }
    home-read-latency = {
      goal        = 0.99
      threshold_s = 0.5
      metric      = "rpc.server.duration"
      methods = [
        "aviary.timeline.v1.TimelineService/GetHomeTimeline",
        "aviary.timeline.v1.TimelineService/GetHomeTimelineJson",
      ]
    }
    fanout-lag = { goal = 0.99, threshold_s = 5, metric = "fanout.lag", methods = [] }
  }
}
