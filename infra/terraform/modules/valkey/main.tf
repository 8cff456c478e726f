resource "google_memorystore_instance" "this" {
  project                     = var.project_id
  instance_id                 = var.name
  location                    = var.region
  engine_version              = "VALKEY_8_0"
  engine_configs              = var.engine_configs
  mode                        = "CLUSTER"
  node_type                   = var.node_type
  shard_count                 = var.shard_count
  replica_count               = var.replica_count
  kms_key                     = var.kms_key_id
  deletion_protection_enabled = var.deletion_protection
  labels                      = var.labels

  # Only pods of this VPC get there at all; TLS keeps what they read from whoever else is in it.
  transit_encryption_mode = "SERVER_AUTHENTICATION"
  authorization_mode      = "AUTH_DISABLED"

  desired_auto_created_endpoints {
    network    = var.network_id
    project_id = var.project_id
  }

  # Everything in it can be made again from rows: a snapshot would only delay a restart.
  persistence_config {
    mode = "DISABLED"
  }

  zone_distribution_config {
    mode = "MULTI_ZONE"
  }

  maintenance_policy {
    weekly_maintenance_window {
      day = "TUESDAY"
      start_time {
        hours = 3
      }
    }
  }
}

locals {
  # The one address by which a client discovers the cluster.
  discovery = [
    for connection in flatten([
      for endpoint in google_memorystore_instance.this.endpoints : [
        for each in endpoint.connections : each.psc_auto_connection[0]
      ]
    ]) : connection if connection.connection_type == "CONNECTION_TYPE_DISCOVERY"
  ]
}
