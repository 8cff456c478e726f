output "network_id" {
  description = "Id of the VPC."
  value       = google_compute_network.this.id
}

output "node_tag" {
  description = "Network tag of the nodes that the load balancer may reach."
  value       = "${var.name}-node"
}

output "psc_ready" {
  description = "Regions to the policy that lets managed Valkey clusters be made there."
  value       = { for region, each in google_network_connectivity_service_connection_policy.valkey : region => each.id }
}

output "subnets" {
  description = "Regions to the subnet of nodes: id, and the names of its secondary ranges."
  value = {
    for region, each in google_compute_subnetwork.nodes : region => {
      id             = each.id
      pods_range     = "pods"
      services_range = "services"
    }
  }
}
