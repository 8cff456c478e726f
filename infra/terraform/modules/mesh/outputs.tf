output "addresses" {
  description = "Services to host:port."
  value       = { for name, each in module.service : name => each.address }
}

output "edge" {
  description = "The edge's network endpoint groups by name. Waits for Envoy to run, so that they are there."
  value       = var.network_endpoint_group
  depends_on  = [module.edge]
}

output "grants" {
  description = "Services to what each may use."
  value       = { for name, each in module.service : name => each.grants }
}

output "namespace" {
  description = "Namespace of the services."
  value       = kubernetes_namespace_v1.this.metadata[0].name
}

output "running" {
  description = "Services that run here."
  value       = [for name, each in module.service : name if each.running]
}

output "service_accounts" {
  description = "Services to their Google identities."
  value       = merge({ for name, each in module.service : name => each.service_account }, { edge = module.edge.service_account })
}
