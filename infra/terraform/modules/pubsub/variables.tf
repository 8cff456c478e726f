variable "ack_deadline_s" {
  description = "Seconds after which an unacknowledged message is delivered again."
  type        = number
  default     = 30
  validation {
    condition     = var.ack_deadline_s >= 10 && var.ack_deadline_s <= 600
    error_message = "Pub/Sub takes 10 to 600 seconds."
  }
}

variable "dead_letter_suffix" {
  description = "What a dead letter topic and its subscription add to the subscription's name."
  type        = string
  default     = ".dead"
}

variable "kms_key_id" {
  description = "Key that encrypts messages at rest; Google's own without one."
  type        = string
  default     = null
}

variable "labels" {
  description = "Labels of topics and subscriptions."
  type        = map(string)
  default     = {}
}

variable "persistence_regions" {
  description = "Regions that may hold messages at rest; anywhere when empty."
  type        = list(string)
  default     = []
}

variable "project_id" {
  description = "Project of the topics."
  type        = string
}

variable "retention" {
  description = "Seconds that an unacknowledged message is kept, and a dead letter. Pub/Sub takes 10 minutes to 31 days."
  type = object({
    live_s = optional(number, 604800)
    dead_s = optional(number, 2678400)
  })
  default = {}
  validation {
    condition     = alltrue([for each in values(var.retention) : each >= 600 && each <= 2678400])
    error_message = "Pub/Sub keeps messages for 600 to 2678400 seconds."
  }
}

variable "subscriptions" {
  description = "Subscription to topic."
  type        = map(string)
  validation {
    condition     = alltrue([for name in keys(var.subscriptions) : can(regex("^[A-Za-z][A-Za-z0-9._~+%-]{2,249}$", name))])
    error_message = "A subscription's name begins with a letter and has 3 to 250 of the characters that Pub/Sub allows."
  }
}

variable "topics" {
  description = "Topics, but for the dead letter topics."
  type        = list(string)
  validation {
    condition     = length(var.topics) == length(distinct(var.topics))
    error_message = "A topic is named twice."
  }
}
