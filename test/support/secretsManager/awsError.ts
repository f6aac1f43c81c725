/** An error as AWS answers it: `type` becomes `__type` and `x-amzn-errortype`. */
export class AwsError extends Error {
	readonly type: string;
	readonly status: number;

	constructor(type: string, message: string, status = 400) {
		super(message);
		this.name = 'AwsError';
		this.type = type;
		this.status = status;
	}
}
