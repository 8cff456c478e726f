locals {
  endpoint_groups = merge([
    for region, each in var.backends : {
      for zone in each.zones : zone => {
        group  = "projects/${var.project_id}/zones/${zone}/networkEndpointGroups/${each.neg}"
        active = each.active
      }
    }
  ]...)
  media = var.media_backend_bucket_id == null ? [] : [var.media_backend_bucket_id]
}

resource "google_compute_global_address" "this" {
  for_each   = toset(["IPV4", "IPV6"])
  project    = var.project_id
  name       = "${var.name}-edge-${lower(each.key)}"
  ip_version = each.key
}

# One of Envoy's own pages, as its pods are probed: of `/healthz`, which is of the whole, a single service that is not
# ready would take the only region that serves away.
resource "google_compute_health_check" "edge" {
  project             = var.project_id
  name                = "${var.name}-edge"
  check_interval_sec  = 5
  timeout_sec         = 5
  healthy_threshold   = 2
  unhealthy_threshold = 3

  http_health_check {
    port_specification = "USE_SERVING_PORT"
    request_path       = "/docs"
  }

  log_config {
    enable = true
  }
}

resource "google_compute_backend_service" "edge" {
  project               = var.project_id
  name                  = "${var.name}-edge"
  load_balancing_scheme = "EXTERNAL_MANAGED"
  # gRPC needs HTTP/2 all the way.
  protocol        = "H2C"
  health_checks   = [google_compute_health_check.edge.id]
  security_policy = google_compute_security_policy.edge.id
  # Above the edge's own 10 s, so that clients get the edge's answer and not the balancer's.
  timeout_sec                     = 15
  connection_draining_timeout_sec = 60
  locality_lb_policy              = "LEAST_REQUEST"
  # Answers are a viewer's own: none of them is cached here.
  enable_cdn = false

  dynamic "backend" {
    for_each = local.endpoint_groups
    content {
      group                 = backend.value.group
      balancing_mode        = "RATE"
      max_rate_per_endpoint = var.max_rate_per_endpoint
      capacity_scaler       = backend.value.active ? 1 : 0
    }
  }

  outlier_detection {
    consecutive_errors           = 5
    max_ejection_percent         = 50
    enforcing_consecutive_errors = 100
    base_ejection_time {
      seconds = 30
    }
    interval {
      seconds = 10
    }
  }

  log_config {
    enable      = true
    sample_rate = 0.01
  }
}

resource "google_compute_url_map" "https" {
  project         = var.project_id
  name            = "${var.name}-edge"
  default_service = google_compute_backend_service.edge.id

  dynamic "host_rule" {
    for_each = local.media
    content {
      hosts        = [var.domain]
      path_matcher = "paths"
    }
  }

  dynamic "path_matcher" {
    for_each = local.media
    content {
      name            = "paths"
      default_service = google_compute_backend_service.edge.id
      path_rule {
        paths   = ["/media/*"]
        service = path_matcher.value
      }
    }
  }
}

resource "google_compute_url_map" "http" {
  project = var.project_id
  name    = "${var.name}-edge-redirect"

  default_url_redirect {
    https_redirect         = true
    redirect_response_code = "PERMANENT_REDIRECT"
    strip_query            = false
  }
}

resource "google_certificate_manager_dns_authorization" "this" {
  project = var.project_id
  name    = "${var.name}-edge"
  domain  = var.domain
}

resource "google_certificate_manager_certificate" "this" {
  project = var.project_id
  name    = "${var.name}-edge"

  managed {
    domains            = [var.domain]
    dns_authorizations = [google_certificate_manager_dns_authorization.this.id]
  }
}

resource "google_certificate_manager_certificate_map" "this" {
  project = var.project_id
  name    = "${var.name}-edge"
}

resource "google_certificate_manager_certificate_map_entry" "this" {
  project      = var.project_id
  name         = "${var.name}-edge"
  map          = google_certificate_manager_certificate_map.this.name
  certificates = [google_certificate_manager_certificate.this.id]
  hostname     = var.domain
}

resource "google_compute_ssl_policy" "this" {
  project         = var.project_id
  name            = "${var.name}-edge"
  profile         = "RESTRICTED"
  min_tls_version = "TLS_1_2"
}

resource "google_compute_target_https_proxy" "this" {
  project         = var.project_id
  name            = "${var.name}-edge"
  url_map         = google_compute_url_map.https.id
  certificate_map = "//certificatemanager.googleapis.com/${google_certificate_manager_certificate_map.this.id}"
  ssl_policy      = google_compute_ssl_policy.this.id
  quic_override   = "ENABLE"
  # Early data can be replayed by whoever saw it.
  tls_early_data = "DISABLED"
}

resource "google_compute_target_http_proxy" "this" {
  project = var.project_id
  name    = "${var.name}-edge-redirect"
  url_map = google_compute_url_map.http.id
}

resource "google_compute_global_forwarding_rule" "https" {
  for_each              = google_compute_global_address.this
  project               = var.project_id
  name                  = "${var.name}-edge-https-${lower(each.key)}"
  load_balancing_scheme = "EXTERNAL_MANAGED"
  target                = google_compute_target_https_proxy.this.id
  ip_address            = each.value.id
  port_range            = "443"
}

resource "google_compute_global_forwarding_rule" "http" {
  for_each              = google_compute_global_address.this
  project               = var.project_id
  name                  = "${var.name}-edge-http-${lower(each.key)}"
  load_balancing_scheme = "EXTERNAL_MANAGED"
  target                = google_compute_target_http_proxy.this.id
  ip_address            = each.value.id
  port_range            = "80"
}

locals {
  records = {
    A    = { name = "${var.domain}.", values = [google_compute_global_address.this["IPV4"].address] }
    AAAA = { name = "${var.domain}.", values = [google_compute_global_address.this["IPV6"].address] }
    CNAME = {
      name   = google_certificate_manager_dns_authorization.this.dns_resource_record[0].name
      values = [google_certificate_manager_dns_authorization.this.dns_resource_record[0].data]
    }
  }
}

resource "google_dns_record_set" "this" {
  for_each     = var.dns_zone == null ? {} : local.records
  project      = var.project_id
  managed_zone = var.dns_zone
  name         = each.value.name
  type         = each.key
  ttl          = 300
  rrdatas      = each.value.values
}
