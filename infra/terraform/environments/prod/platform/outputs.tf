output "platform" {
  description = "What the services' stage needs to know."
  value       = module.platform
}
