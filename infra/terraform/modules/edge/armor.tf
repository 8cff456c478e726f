# The edge (Envoy) is the one that knows subjects, quotas and paths; this refuses what need not get
# that far. Whatever it refuses, Envoy would refuse too; see gateway/envoy/filters.py.

locals {
  # Attack rules of the OWASP core rule set, at the lowest sensitivity: tweets hold any text.
  waf_rules = {
    sqli     = 1000
    xss      = 1010
    lfi      = 1020
    rce      = 1030
    protocol = 1040
  }
  waf_names = {
    sqli     = "sqli-v33-stable"
    xss      = "xss-v33-stable"
    lfi      = "lfi-v33-stable"
    rce      = "rce-v33-stable"
    protocol = "protocolattack-v33-stable"
  }
}

resource "google_compute_security_policy" "edge" {
  project     = var.project_id
  name        = "${var.name}-edge"
  description = "Floods, oversized bodies and known attacks."
  type        = "CLOUD_ARMOR"

  adaptive_protection_config {
    layer_7_ddos_defense_config {
      enable          = true
      rule_visibility = "STANDARD"
    }
  }

  advanced_options_config {
    json_parsing = "STANDARD"
    log_level    = "NORMAL"
  }

  # CVE-2021-44228 and its kin: no request of Aviary's looks like that.
  rule {
    action      = "deny(403)"
    priority    = 100
    description = "Log4j lookups."
    match {
      expr {
        expression = "evaluatePreconfiguredExpr('cve-canary')"
      }
    }
  }

  rule {
    action      = "deny(403)"
    priority    = 300
    description = "Bodies that the edge would answer 413 to."
    match {
      expr {
        expression = "has(request.headers['content-length']) && int(request.headers['content-length']) > ${var.limits.max_body_bytes}"
      }
    }
  }

  dynamic "rule" {
    for_each = length(var.refused_countries) > 0 ? [join(", ", var.refused_countries)] : []
    content {
      action      = "deny(403)"
      priority    = 400
      description = "Countries that are refused."
      match {
        expr {
          expression = "'[${rule.value}]'.contains(origin.region_code)"
        }
      }
    }
  }

  dynamic "rule" {
    for_each = local.waf_rules
    content {
      action      = "deny(403)"
      priority    = rule.value
      preview     = var.preview_waf
      description = "OWASP core rule set: ${rule.key}."
      match {
        expr {
          expression = "evaluatePreconfiguredWaf('${local.waf_names[rule.key]}', {'sensitivity': 1})"
        }
      }
    }
  }

  # Reads and writes apart, as the edge limits them.
  rule {
    action      = "rate_based_ban"
    priority    = 2000
    description = "Writes from one address."
    match {
      expr {
        expression = "request.method == 'POST' || request.method == 'PATCH' || request.method == 'PUT' || request.method == 'DELETE'"
      }
    }
    rate_limit_options {
      conform_action   = "allow"
      exceed_action    = "deny(429)"
      enforce_on_key   = "IP"
      ban_duration_sec = var.limits.ban_s
      rate_limit_threshold {
        count        = var.limits.writes_per_minute
        interval_sec = 60
      }
      ban_threshold {
        count        = var.limits.writes_per_minute * 2
        interval_sec = 60
      }
    }
  }

  # Held down and not banned: a ban takes no threshold above 10,000, and readers behind one address
  # of a carrier may need more.
  rule {
    action      = "throttle"
    priority    = 2100
    description = "Any requests from one address."
    match {
      versioned_expr = "SRC_IPS_V1"
      config {
        src_ip_ranges = ["*"]
      }
    }
    rate_limit_options {
      conform_action = "allow"
      exceed_action  = "deny(429)"
      enforce_on_key = "IP"
      rate_limit_threshold {
        count        = var.limits.requests_per_minute
        interval_sec = 60
      }
    }
  }

  rule {
    action      = "allow"
    priority    = 2147483647
    description = "Whatever no rule above decided."
    match {
      versioned_expr = "SRC_IPS_V1"
      config {
        src_ip_ranges = ["*"]
      }
    }
  }
}
