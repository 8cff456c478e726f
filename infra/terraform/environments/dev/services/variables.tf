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

variable "envoy_image" {
  description = "Envoy for the edge and the sidecars, by digest."
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

variable "runbook_url" {
  description = "Where the how-to pages are."
  type        = string
  default     = null
}

variable "search" {
  description = "OpenSearch for the index of tweets, if there is one: addresses and port that the search service's pods may reach, and the authorities of its certificate where they are its own. Its URL is the secret `aviary-search-url`."
  type = object({
    range                   = string
    port                    = optional(number, 9200)
    certificate_authorities = optional(string)
  })
  default = null
}

variable "site" {
  description = "Folder with the site's `site.yaml`, and the `envoy.yaml` that `python -m tools.deploy site` made from it."
  type        = string
}

variable "state_bucket" {
  description = "Bucket of Terraform's state."
  type        = string
}
