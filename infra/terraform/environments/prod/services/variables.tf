variable "certificate_issuer" {
  description = "cert-manager's ClusterIssuer that signs the processes' certificates."
  type        = string
  default     = "aviary-mesh"
}

variable "collector_image" {
  description = "OpenTelemetry collector, by digest."
  type        = string
  default     = null
}

variable "dns_zone" {
  description = "Cloud DNS zone of the domain, if there is one."
  type        = string
  default     = null
}

variable "domain" {
  description = "Name that clients use."
  type        = string
}

variable "edge_image" {
  description = "Envoy with Aviary's configuration, by digest."
  type        = string
}

variable "image" {
  description = "Aviary, by digest."
  type        = string
}

variable "notification_emails" {
  description = "Addresses that are notified when an error budget burns."
  type        = list(string)
  default     = []
}

variable "preview_waf" {
  description = "Whether the rules against attacks only log what they would refuse."
  type        = bool
  default     = true
}

variable "runbook_url" {
  description = "Where the how-to pages are."
  type        = string
  default     = null
}

variable "state_bucket" {
  description = "Bucket of Terraform's state."
  type        = string
}
