output "edge" {
  description = "The edge's network endpoint groups by name. Waits for Envoy to run, so that they are there."
  value       = var.network_endpoint_group
  depends_on  = [kubernetes_manifest.workload]
}

output "grants" {
  description = "Services to what each may use."
  value       = { for name, each in module.identity : name => each.grants }
}

output "running" {
  description = "Workloads that run here: services, the edge and the collector."
  value       = sort([for each in kubernetes_manifest.workload : each.manifest.metadata.name])
}
