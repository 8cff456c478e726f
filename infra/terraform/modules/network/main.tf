locals {
  # private.googleapis.com: the only addresses of Google's APIs that pods may dial (tools/deploy/google_cloud.py).
  private_access = [for host in range(4) : cidrhost("199.36.153.8/30", host)]
  # Who the load balancer's health checks and proxies are, for all of Google Cloud.
  load_balancer_ranges = ["35.191.0.0/16", "130.211.0.0/22"]
}

resource "google_compute_network" "this" {
  project                         = var.project_id
  name                            = var.name
  auto_create_subnetworks         = false
  routing_mode                    = "GLOBAL"
  delete_default_routes_on_create = false
}

resource "google_compute_subnetwork" "nodes" {
  for_each                 = var.regions
  project                  = var.project_id
  name                     = "${var.name}-${each.key}"
  region                   = each.key
  network                  = google_compute_network.this.id
  ip_cidr_range            = each.value.nodes
  private_ip_google_access = true

  secondary_ip_range {
    range_name    = "pods"
    ip_cidr_range = each.value.pods
  }
  secondary_ip_range {
    range_name    = "services"
    ip_cidr_range = each.value.services
  }

  log_config {
    aggregation_interval = "INTERVAL_5_SEC"
    flow_sampling        = 0.1
    metadata             = "INCLUDE_ALL_METADATA"
  }
}

# The managed Valkey clusters answer at addresses of this subnet.
resource "google_compute_subnetwork" "psc" {
  #checkov:skip=CKV_GCP_26:flow logs are of the subnet the traffic comes from; this one has none of its own
  for_each                 = var.regions
  project                  = var.project_id
  name                     = "${var.name}-psc-${each.key}"
  region                   = each.key
  network                  = google_compute_network.this.id
  ip_cidr_range            = each.value.psc
  private_ip_google_access = true
}

resource "google_network_connectivity_service_connection_policy" "valkey" {
  for_each      = var.regions
  project       = var.project_id
  name          = "${var.name}-valkey-${each.key}"
  location      = each.key
  network       = google_compute_network.this.id
  service_class = "gcp-memorystore"

  psc_config {
    subnetworks = [google_compute_subnetwork.psc[each.key].id]
  }
}

resource "google_compute_router" "this" {
  for_each = var.regions
  project  = var.project_id
  name     = "${var.name}-${each.key}"
  region   = each.key
  network  = google_compute_network.this.id
}

resource "google_compute_router_nat" "this" {
  for_each                           = var.regions
  project                            = var.project_id
  name                               = "${var.name}-${each.key}"
  region                             = each.key
  router                             = google_compute_router.this[each.key].name
  nat_ip_allocate_option             = "AUTO_ONLY"
  source_subnetwork_ip_ranges_to_nat = "ALL_SUBNETWORKS_ALL_IP_RANGES"
  enable_dynamic_port_allocation     = true
  min_ports_per_vm                   = var.nat_min_ports_per_vm

  log_config {
    enable = true
    filter = "ERRORS_ONLY"
  }
}

# What is not named below stays closed: GKE adds the rules of its own control plane.
resource "google_compute_firewall" "load_balancer" {
  project       = var.project_id
  name          = "${var.name}-load-balancer"
  network       = google_compute_network.this.id
  direction     = "INGRESS"
  source_ranges = local.load_balancer_ranges
  target_tags   = ["${var.name}-node"]

  allow {
    protocol = "tcp"
    ports    = ["8080"]
  }

  log_config {
    metadata = "INCLUDE_ALL_METADATA"
  }
}

# Names of Google's APIs lead to addresses within reach of private nodes, and of the pods' network policies.
resource "google_dns_managed_zone" "apis" {
  #checkov:skip=CKV_GCP_16:a private zone is answered inside the VPC only, and cannot be signed
  project     = var.project_id
  name        = "${var.name}-googleapis"
  dns_name    = "googleapis.com."
  description = "Google's APIs by Private Google Access."
  visibility  = "private"

  private_visibility_config {
    networks {
      network_url = google_compute_network.this.id
    }
  }
}

resource "google_dns_record_set" "private_access" {
  project      = var.project_id
  managed_zone = google_dns_managed_zone.apis.name
  name         = "private.googleapis.com."
  type         = "A"
  ttl          = 300
  rrdatas      = local.private_access
}

resource "google_dns_record_set" "apis" {
  project      = var.project_id
  managed_zone = google_dns_managed_zone.apis.name
  name         = "*.googleapis.com."
  type         = "CNAME"
  ttl          = 300
  rrdatas      = [google_dns_record_set.private_access.name]
}
