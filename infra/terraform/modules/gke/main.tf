locals {
  # An id has at most 30 characters, fewer than a cluster's name may have: a digest of it tells accounts apart.
  account_id = "nodes-${trimsuffix(substr(var.name, 0, 17), "-")}-${substr(sha256(var.name), 0, 6)}"

  # What a node does for itself: logs, metrics, pulling images. Pods have identities of their own.
  node_roles = [
    "roles/logging.logWriter",
    "roles/monitoring.metricWriter",
    "roles/monitoring.viewer",
    "roles/artifactregistry.reader",
  ]
}

resource "google_service_account" "nodes" {
  project      = var.project_id
  account_id   = local.account_id
  display_name = "Nodes of ${var.name}"
}

resource "google_project_iam_member" "nodes" {
  for_each = toset(local.node_roles)
  project  = var.project_id
  role     = each.key
  member   = google_service_account.nodes.member
}

resource "google_container_cluster" "this" {
  #checkov:skip=CKV_GCP_12:Dataplane V2 enforces network policies; the older setting excludes it
  #checkov:skip=CKV_GCP_65:humans come by IAM roles; Google Groups need an organisation's domain
  #checkov:skip=CKV_GCP_66:images are pinned by digest; attestation belongs to the build's own project
  #checkov:skip=CKV_GCP_69:set on every node pool; the default pool is removed
  project             = var.project_id
  name                = var.name
  location            = var.region
  node_locations      = var.zones
  network             = var.network_id
  subnetwork          = var.subnet.id
  deletion_protection = var.deletion_protection
  datapath_provider   = "ADVANCED_DATAPATH"

  # Pools are resources of their own, so that one can change without the cluster.
  remove_default_node_pool    = true
  initial_node_count          = 1
  enable_shielded_nodes       = true
  enable_intranode_visibility = true
  resource_labels             = { app = "aviary" }

  ip_allocation_policy {
    cluster_secondary_range_name  = var.subnet.pods_range
    services_secondary_range_name = var.subnet.services_range
  }

  private_cluster_config {
    enable_private_nodes    = true
    enable_private_endpoint = true
  }

  # Operators and Terraform come by the DNS name, where IAM decides; addresses stay private.
  control_plane_endpoints_config {
    dns_endpoint_config {
      allow_external_traffic = true
    }
  }

  master_authorized_networks_config {
    dynamic "cidr_blocks" {
      for_each = var.authorized_networks
      content {
        display_name = cidr_blocks.key
        cidr_block   = cidr_blocks.value
      }
    }
  }

  master_auth {
    client_certificate_config {
      issue_client_certificate = false
    }
  }

  workload_identity_config {
    workload_pool = "${var.project_id}.svc.id.goog"
  }

  database_encryption {
    state    = "ENCRYPTED"
    key_name = var.kms_key_id
  }

  # Kubernetes secrets are copies of those in Secret Manager, which the cluster keeps fresh.
  secret_sync_config {
    enabled = true
    rotation_config {
      enabled           = true
      rotation_interval = "300s"
    }
  }

  release_channel {
    channel = var.release_channel
  }

  maintenance_policy {
    recurring_window {
      recurrence = var.maintenance.recurrence
      start_time = var.maintenance.start
      end_time   = var.maintenance.end
    }
  }

  logging_config {
    enable_components = ["SYSTEM_COMPONENTS", "WORKLOADS", "APISERVER"]
  }

  monitoring_config {
    enable_components = ["SYSTEM_COMPONENTS", "APISERVER", "SCHEDULER", "CONTROLLER_MANAGER", "POD", "DEPLOYMENT", "HPA"]
    managed_prometheus {
      enabled = true
    }
  }

  security_posture_config {
    mode               = "BASIC"
    vulnerability_mode = "VULNERABILITY_BASIC"
  }

  cost_management_config {
    enabled = true
  }

  lifecycle {
    # Only of the default pool, which is gone.
    ignore_changes = [node_config, initial_node_count]
  }
}

resource "google_container_node_pool" "this" {
  for_each = var.node_pools
  project  = var.project_id
  name     = each.key
  cluster  = google_container_cluster.this.name
  location = var.region

  autoscaling {
    min_node_count  = each.value.min_nodes
    max_node_count  = each.value.max_nodes
    location_policy = each.value.spot ? "ANY" : "BALANCED"
  }

  management {
    auto_repair  = true
    auto_upgrade = true
  }

  upgrade_settings {
    max_surge       = 1
    max_unavailable = 0
  }

  network_config {
    enable_private_nodes = true
  }

  node_config {
    machine_type    = each.value.machine_type
    disk_size_gb    = each.value.disk_size_gb
    disk_type       = "pd-balanced"
    image_type      = "COS_CONTAINERD"
    spot            = each.value.spot
    service_account = google_service_account.nodes.email
    # IAM bounds the account; scopes would bound it a second time, in another place.
    oauth_scopes = ["https://www.googleapis.com/auth/cloud-platform"]
    tags         = [var.node_tag]
    labels       = { "aviary/class" = each.key }
    metadata     = { disable-legacy-endpoints = "true" }

    shielded_instance_config {
      enable_secure_boot          = true
      enable_integrity_monitoring = true
    }

    workload_metadata_config {
      mode = "GKE_METADATA"
    }
  }

  depends_on = [google_project_iam_member.nodes]
}
