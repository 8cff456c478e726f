output "dns_endpoint" {
  description = "Name of the control plane, for those whom IAM lets use it."
  value       = google_container_cluster.this.control_plane_endpoints_config[0].dns_endpoint_config[0].endpoint
}

output "id" {
  description = "Id of the cluster. Waits for its node pools."
  value       = google_container_cluster.this.id
  depends_on  = [google_container_node_pool.this]
}

output "name" {
  description = "Name of the cluster."
  value       = google_container_cluster.this.name
}

output "node_classes" {
  description = "Values of the node label `aviary/class`."
  value       = keys(google_container_node_pool.this)
}

output "region" {
  description = "Region of the cluster."
  value       = google_container_cluster.this.location
}

output "workload_pool" {
  description = "Where the identities of pods live."
  value       = google_container_cluster.this.workload_identity_config[0].workload_pool
}

output "zones" {
  description = "Zones of the cluster's nodes, and so of its endpoint groups. Waits for its node pools."
  value       = var.zones
  depends_on  = [google_container_node_pool.this]
}
