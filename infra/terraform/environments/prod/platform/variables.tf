variable "billing" {
  description = "Billing account and what a month may cost; no budget without it."
  type = object({
    account  = string
    amount   = number
    currency = optional(string, "USD")
  })
  default = null
}

variable "media_bucket" {
  description = "Name of the bucket of media; none without it."
  type        = string
  default     = null
}

variable "project_id" {
  description = "Project of this environment."
  type        = string
}

variable "active_region" {
  description = "Region that serves. Moving it is the failover."
  type        = string
  default     = "europe-west1"
}
